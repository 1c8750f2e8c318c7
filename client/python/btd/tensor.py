"""``Tensor``: an array as it travels in a synapse, byte for byte as bittensor writes it.

The buffer is msgpack as msgpack-numpy-opentensor makes it, in base64. Reading checks it strictly.
numpy and torch are used when they are there and never needed.
"""

from __future__ import annotations

import base64
import struct
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

__all__ = ["Tensor", "tensor"]

# dtype name -> (numpy type string, struct code, bytes)
_TYPES = {
    "float16": ("<f2", "e", 2),
    "float32": ("<f4", "f", 4),
    "float64": ("<f8", "d", 8),
    "uint8": ("|u1", "B", 1),
    "int8": ("|i1", "b", 1),
    "int16": ("<i2", "h", 2),
    "int32": ("<i4", "i", 4),
    "int64": ("<i8", "q", 8),
    "bool": ("|b1", "?", 1),
}
_MOST_DIMENSIONS = 32


class Tensor:
    """An array in its wire form: ``buffer`` (base64), ``dtype`` and ``shape``."""

    __slots__ = ("buffer", "dtype", "shape")

    def __init__(self, buffer: Optional[str] = None, dtype: str = "float32", shape: Sequence[int] = ()) -> None:
        self.buffer = buffer
        self.dtype = dtype
        self.shape = list(shape)

    # --- making one

    @staticmethod
    def serialize(array: Any) -> "Tensor":
        """The wire form of a numpy array, a torch tensor, or nested lists of numbers."""
        if isinstance(array, Tensor):
            return array
        name = type(array).__module__.split(".")[0]
        if name == "torch":
            host = array.detach().cpu().contiguous().numpy()
            return Tensor._of_numpy(host, f"torch.{host.dtype}")
        if name == "numpy":
            return Tensor._of_numpy(array, str(array.dtype))
        return Tensor._of_list(array)

    @staticmethod
    def _of_numpy(array: Any, dtype: str) -> "Tensor":
        dtype = dtype.lstrip("<>=")
        if dtype[:2] in ("f2", "f4", "f8", "i2", "i4", "i8"):  # So numpy names those of another byte order.
            dtype = array.dtype.newbyteorder("=").name
        _plain(dtype)
        # `tobytes` writes C order whatever the layout; the byte order must be little-endian.
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return Tensor._packed(dtype, tuple(array.shape), little.tobytes())

    @staticmethod
    def _of_list(values: Any, dtype: Optional[str] = None) -> "Tensor":
        shape, flat = _flatten(values)
        if dtype is None:
            if flat and all(isinstance(value, bool) for value in flat):
                dtype = "bool"
            elif flat and all(isinstance(value, int) for value in flat):
                dtype = "int64"
            else:
                dtype = "float64"
        code = _TYPES[_plain(dtype)][1]
        try:
            data = struct.pack(f"<{len(flat)}{code}", *flat)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"no {dtype} tensor can be made of that: {error}") from None
        return Tensor._packed(dtype, shape, data)

    @staticmethod
    def _packed(dtype: str, shape: Tuple[int, ...], data: bytes) -> "Tensor":
        packed = b"".join(
            (
                b"\x85" + _bin(b"nd") + b"\xc3",
                _bin(b"type") + b"\xa3" + _TYPES[_plain(dtype)][0].encode(),
                _bin(b"kind") + _bin(b""),
                _bin(b"shape") + _array(shape),
                _bin(b"data") + _bin(data),
            )
        )
        # A single number has the shape [0] outside and none inside.
        return Tensor(base64.b64encode(packed).decode(), dtype, shape or (0,))

    # --- reading one

    def parts(self) -> Tuple[str, Tuple[int, ...], bytes]:
        """The dtype without ``torch.``, the true shape, and the elements in C order."""
        if self.buffer is None:
            raise ValueError("the tensor is empty: it has no buffer")
        plain = _plain(self.dtype)
        code, shape, data = _unpacked(base64.b64decode(self.buffer, validate=True))
        if code != _TYPES[plain][0]:
            raise ValueError(f"the buffer holds {code}, the tensor says {self.dtype}")
        if list(shape) != list(self.shape) and not (shape == () and list(self.shape) == [0]):
            raise ValueError(f"the buffer has shape {list(shape)}, the tensor says {self.shape}")
        elements = 1
        for length in shape:
            elements *= length
        if len(data) != elements * _TYPES[plain][2]:
            raise ValueError(f"{len(data)} bytes are no {plain} of shape {list(shape)}")
        return plain, shape, data

    def deserialize(self) -> Any:
        """A torch tensor or numpy array, as the dtype's name says; nested lists without either."""
        return self.tensor() if self.dtype.startswith("torch.") else self._without_torch()

    def _without_torch(self) -> Any:
        try:
            return self.numpy()
        except ImportError:
            return self.tolist()

    def numpy(self) -> Any:
        """A numpy array with memory of its own."""
        import numpy

        plain, shape, data = self.parts()
        return numpy.frombuffer(data, dtype=_TYPES[plain][0]).reshape(shape).copy()

    def tensor(self) -> Any:
        """A torch tensor; without torch what :meth:`deserialize` gives, as bittensor does."""
        try:
            import torch
        except ImportError:
            return self._without_torch()
        return torch.from_numpy(self.numpy())

    def tolist(self) -> Any:
        """Nested lists."""
        plain, shape, data = self.parts()
        flat = list(struct.unpack(f"<{len(data) // _TYPES[plain][2]}{_TYPES[plain][1]}", data))
        if not shape:
            return flat[0]
        if 0 in shape:
            return _hollow(shape)
        for length in reversed(shape[1:]):
            flat = [flat[at : at + length] for at in range(0, len(flat), length)]
        return flat

    # --- in a synapse

    def to_json(self) -> Dict[str, Any]:
        """The object that a synapse's field holds."""
        return {"buffer": self.buffer, "dtype": self.dtype, "shape": self.shape}

    def model_dump(self, **_: Any) -> Dict[str, Any]:
        """As :meth:`to_json`."""
        return self.to_json()

    @staticmethod
    def from_json(value: Any) -> "Tensor":
        """Reads such an object."""
        if isinstance(value, Tensor):
            return value
        if not isinstance(value, dict) or not {"buffer", "dtype", "shape"} <= value.keys():
            return Tensor.serialize(value)
        return Tensor(value["buffer"], value["dtype"], value["shape"])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """How a pydantic model takes and writes one that is a member of it."""
        from pydantic_core import core_schema

        written = core_schema.plain_serializer_function_ser_schema(cls.to_json)
        return core_schema.no_info_plain_validator_function(cls._taken, serialization=written)

    @staticmethod
    def _taken(value: Any) -> "Tensor":
        wire = isinstance(value, dict) and {"buffer", "dtype", "shape"} <= value.keys()
        array = type(value).__module__.split(".")[0] in ("numpy", "torch")
        if wire or array or isinstance(value, Tensor):
            return Tensor.from_json(value)
        raise ValueError(f"{type(value).__name__} is no tensor: give a Tensor, a numpy array or a torch tensor")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tensor) and self.to_json() == other.to_json()

    def __repr__(self) -> str:
        return f"Tensor(dtype={self.dtype!r}, shape={self.shape!r})"


def tensor(values: Union[List[Any], Any], dtype: Optional[str] = None) -> Tensor:
    """A :class:`Tensor` of nested lists, a numpy array or a torch tensor.

    Without a ``dtype``, lists are of int64, bool or float64, as numpy takes them.
    """
    if dtype is not None and isinstance(values, (list, tuple, int, float, bool)):
        return Tensor._of_list(values, dtype)
    return Tensor.serialize(values)


def _plain(dtype: str) -> str:
    plain = dtype[len("torch.") :] if dtype.startswith("torch.") else dtype
    if plain not in _TYPES:
        raise ValueError(f"dtype {dtype} does not travel: {', '.join(_TYPES)} do")
    return plain


def _flatten(values: Any) -> Tuple[Tuple[int, ...], List[Any]]:
    if not isinstance(values, (list, tuple)):
        return (), [values]
    inner = [_flatten(value) for value in values]
    shapes = {shape for shape, _ in inner}
    if len(shapes) > 1:
        raise ValueError("rows of different lengths are no tensor")
    shape = next(iter(shapes)) if shapes else ()
    return (len(values), *shape), [value for _, flat in inner for value in flat]


def _hollow(shape: Sequence[int]) -> List[Any]:
    """Nested lists of a shape in which there is nothing."""
    return [_hollow(shape[1:]) for _ in range(shape[0])] if shape else []


def _bin(data: bytes) -> bytes:
    if len(data) < 1 << 8:
        return b"\xc4" + struct.pack("!B", len(data)) + data
    if len(data) < 1 << 16:
        return b"\xc5" + struct.pack("!H", len(data)) + data
    return b"\xc6" + struct.pack("!I", len(data)) + data


def _array(lengths: Sequence[int]) -> bytes:
    head = bytes([0x90 | len(lengths)]) if len(lengths) < 16 else b"\xdc" + struct.pack("!H", len(lengths))
    return head + b"".join(_length(length) for length in lengths)


def _length(number: int) -> bytes:
    if number < 1 << 7:
        return bytes([number])
    for mark, code, bits in ((b"\xcc", "!B", 8), (b"\xcd", "!H", 16), (b"\xce", "!I", 32), (b"\xcf", "!Q", 64)):
        if number < 1 << bits:
            return mark + struct.pack(code, number)
    raise ValueError("a length beyond 64 bits")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) != length:
            raise ValueError("the buffer ends early")
        self.at += length
        return taken

    def number(self, code: str) -> int:
        (number,) = struct.unpack(code, self.take(struct.calcsize(code)))
        return int(number)

    def bin(self) -> bytes:
        mark = self.take(1)[0]
        code = {0xC4: "!B", 0xC5: "!H", 0xC6: "!I"}.get(mark)
        if code is None:
            raise ValueError("the buffer is no msgpack-numpy array: bytes expected")
        return self.take(self.number(code))

    def str(self) -> str:
        mark = self.take(1)[0]
        if mark & 0xE0 != 0xA0:
            raise ValueError("the buffer is no msgpack-numpy array: text expected")
        return self.take(mark & 0x1F).decode()

    def lengths(self) -> Tuple[int, ...]:
        mark = self.take(1)[0]
        if mark & 0xF0 == 0x90:
            count = mark & 0x0F
        elif mark == 0xDC:
            count = self.number("!H")
        else:
            raise ValueError("the buffer is no msgpack-numpy array: a shape expected")
        if count > _MOST_DIMENSIONS:
            raise ValueError(f"more than {_MOST_DIMENSIONS} dimensions")
        return tuple(self.length() for _ in range(count))

    def length(self) -> int:
        mark = self.take(1)[0]
        if mark < 0x80:
            return mark
        code = {0xCC: "!B", 0xCD: "!H", 0xCE: "!I", 0xCF: "!Q"}.get(mark)
        if code is None:
            raise ValueError("the buffer is no msgpack-numpy array: a length expected")
        return self.number(code)


def _unpacked(packed: bytes) -> Tuple[str, Tuple[int, ...], bytes]:
    reader = _Reader(packed)
    if reader.take(1) != b"\x85":
        raise ValueError("the buffer is no msgpack-numpy array: not a map of five")
    found: Dict[bytes, Any] = {}
    for _ in range(5):
        key = reader.bin()
        if key == b"nd":
            found[key] = reader.take(1) == b"\xc3"
        elif key == b"type":
            found[key] = reader.str()
        elif key in (b"kind", b"data"):
            found[key] = reader.bin()
        elif key == b"shape":
            found[key] = reader.lengths()
        else:
            raise ValueError("the buffer is no msgpack-numpy array: an unknown key")
    if reader.at != len(packed) or len(found) != 5 or not found[b"nd"] or found[b"kind"]:
        raise ValueError("the buffer is no msgpack-numpy array")
    return found[b"type"], found[b"shape"], found[b"data"]
