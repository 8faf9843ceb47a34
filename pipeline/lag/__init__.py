"""How far each consumer group is behind, in records and in seconds, asked of the broker from outside."""
