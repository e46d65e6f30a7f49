"""Files of events, published into an input topic: what can go in goes in, what cannot is named by line and column.

::

    rows.py      file -> records, or rows that cannot be read
    fields.py    one column -> the value Avro takes
    producer.py  records -> Kafka, each confirmed by the broker
    publish.py   all of it, for one file; no row that workers would refuse
"""

from ops.publish.producer import TopicProducer, Undelivered
from ops.publish.publish import Published, publish_file
from ops.publish.rows import BadRow

__all__ = ["BadRow", "Published", "TopicProducer", "Undelivered", "publish_file"]
