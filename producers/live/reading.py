"""A topic from somewhere on to its end."""

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from pipeline.errors import BrokerUnavailable

#: How long the next record may take, where there is one.
READ_S = 60.0


def to_the_end(reader: Consumer, places: Sequence[TopicPartition]) -> Iterator[Message]:
    """Everything that stands in these partitions, from the offsets that they name.

    The reader has to have ``enable.partition.eof``. Raises BrokerUnavailable where nothing comes.
    """
    reader.assign(list(places))
    unread = {(place.topic, place.partition) for place in places}
    last_s = time.monotonic()
    while unread:
        message = reader.poll(1.0)
        if message is None:
            if time.monotonic() - last_s > READ_S:
                raise BrokerUnavailable(f"the cluster does not give {places[0].topic} to its end; try again")
            continue
        last_s = time.monotonic()
        if (error := message.error()) is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            unread.discard((str(message.topic()), int(message.partition() or 0)))
