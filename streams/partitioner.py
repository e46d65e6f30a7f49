"""Which partition a key belongs to: the arithmetic that producers of case topics must share.

murmur2 as in Kafka's own Java client (``org.apache.kafka.common.utils.Utils.murmur2``; librdkafka calls it
``murmur2_random``), and the CRC-32 that librdkafka uses when told nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

_SEED, _M, _MASK = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """32-bit murmur2 of ``data``, unsigned."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k ^= k >> 24
        h = (h * _M & _MASK) ^ (k * _M & _MASK)
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h ^= h >> 13
    h = h * _M & _MASK
    return h ^ (h >> 15)


def _murmur2_partition(key: bytes, partitions: int) -> int:
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def _crc32_partition(key: bytes, partitions: int) -> int:
    return zlib.crc32(key) % partitions


PARTITIONERS: dict[str, Callable[[bytes, int], int]] = {"murmur2": _murmur2_partition, "crc32": _crc32_partition}
LIBRDKAFKA_NAMES = {"murmur2": "murmur2_random", "crc32": "consistent_random"}
CLICKHOUSE_NAMES = {"murmur2": "kafkaMurmurHash", "crc32": "CRC32"}
"""Functions of ClickHouse whose value, modulo the number of partitions, is the partition."""
