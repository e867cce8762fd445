"""The messages that Foxglove has no schema for, in protobuf; used by `mcap_messages`.

They are described here instead of in a .proto file, so that nothing has to be generated. The description
travels inside every log: a reader needs nothing of Bimodal's.
"""

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_FIELDS = {
    "Action": {"timestamp": "Timestamp", "space": "string", "values": "double[]"},
    "Signals": {
        "timestamp": "Timestamp",
        "alpha": "double",
        "mode": "int32",
        "taken": "int32",
        "forbidden_force": "double",
        "table_force": "double",
        "opening": "double",
        "lift": "double",
        "at_goal": "bool",
    },
    "Plan": {
        "timestamp": "Timestamp",
        "candidates": "float[]",
        "shape": "int32[]",
        "scores": "float[]",
        "modes": "int32[]",
        "chosen": "int32",
        "verdict": "string",
    },
}
"""Fields of each message in their order; [] for any number of values."""


def _file() -> FileDescriptorProto:
    """Return the description of all messages."""
    file = FileDescriptorProto(name="bimodal.proto", package="bimodal", syntax="proto3")
    file.dependency.append(Timestamp.DESCRIPTOR.file.name)
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            _add_field(message.field.add(name=field, number=number), kind)
    return file


def _add_field(field: FieldDescriptorProto, kind: str) -> None:
    """Give a field its type."""
    many = kind.endswith("[]")
    field.label = field.LABEL_REPEATED if many else field.LABEL_OPTIONAL
    if kind == "Timestamp":
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{Timestamp.DESCRIPTOR.full_name}"
    else:
        field.type = getattr(field, f"TYPE_{kind.removesuffix('[]').upper()}")


def _classes() -> dict[str, type[Message]]:
    pool = Default()
    pool.AddSerializedFile(_file().SerializeToString())
    names = (f"bimodal.{name}" for name in _FIELDS)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names}


OWN = _classes()
"""Class of each message, by its full name, such as `bimodal.Signals`."""
