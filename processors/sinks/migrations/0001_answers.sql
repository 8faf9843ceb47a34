-- A topic as Kafka once made it: one that was deleted and made again counts its offsets from 0 anew.
CREATE TABLE logs (
    log smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    identity text NOT NULL,
    UNIQUE (topic, identity)
);

-- Every answer of a partition before its next_offset is in answers.
CREATE TABLE positions (
    log smallint NOT NULL REFERENCES logs,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (log, partition)
);

-- appended_at is the wall's time, received_at that of the log. It is in the primary key because it chooses the
-- table of the month; an offset has only one.
CREATE TABLE answers (
    log smallint NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key text NOT NULL,
    event text NOT NULL,
    appended_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    record jsonb NOT NULL,
    PRIMARY KEY (log, partition, "offset", appended_at)
) PARTITION BY RANGE (appended_at);

CREATE INDEX answers_of_event ON answers (event, received_at, log, partition, "offset");
CREATE INDEX answers_of_topic ON answers (topic, received_at);
