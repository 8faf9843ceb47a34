"""The same folds over an archive: no Kafka, no Faust, no clock."""
