"""The engine: Faust on record batches, one Kafka transaction per partition. It knows nothing about archives."""
