"""Rows as Snowflake writes them: in Arrow and in JSON."""

import datetime
import json

import pyarrow as pa
import pyarrow.compute as pc


def narrow(integers):
    """Gives integers in the narrowest width that holds all of them."""
    bounds = pc.min_max(integers).as_py()
    if bounds["min"] is None:
        return integers.cast(pa.int8())
    for kind, bits in ((pa.int8(), 7), (pa.int16(), 15), (pa.int32(), 31)):
        if -(1 << bits) <= bounds["min"] and bounds["max"] < 1 << bits:
            return integers.cast(kind)
    return integers


def unscaled(column):
    """Gives the unscaled integers of a column of decimals that fit into 64 bits: the low halves of its values."""
    halves = pa.Array.from_buffers(pa.int64(), 2 * (len(column) + column.offset), [None, column.buffers()[1]])
    low = halves.take(pa.array(range(2 * column.offset, 2 * (column.offset + len(column)), 2), pa.int64()))
    return pc.if_else(column.is_valid(), low, pa.scalar(None, pa.int64()))


def timestamps(column):
    """Gives seconds and nanoseconds; a fraction is never negative, so seconds before 1970 are rounded down."""
    mask = column.is_null()
    nanos = pc.fill_null(column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()), 0)
    seconds = pc.divide(nanos, 10**9)  # towards zero
    rest = pc.subtract(nanos, pc.multiply(seconds, 10**9))
    is_early = pc.less(rest, 0)
    seconds = pc.subtract(seconds, is_early.cast(pa.int64()))
    fraction = pc.if_else(is_early, pc.add(rest, 10**9), rest).cast(pa.int32())
    arrays = [seconds, fraction]
    fields = [pa.field("epoch", pa.int64(), False), pa.field("fraction", pa.int32(), False)]
    if column.type.tz:
        # Minutes from UTC, and 1440. DuckDB keeps the instant only.
        arrays.append(pa.array([1440] * len(column), pa.int32()))
        fields.append(pa.field("timezone", pa.int32(), False))
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=mask)


def arrow_column(column):
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    kind = column.type
    if pa.types.is_decimal(kind):
        return narrow(unscaled(column)) if kind.precision <= 18 else column
    if pa.types.is_uint64(kind):  # a HASH, which has a sign in Snowflake
        return narrow(column.view(pa.int64()))
    if pa.types.is_integer(kind):
        return narrow(column.cast(pa.int64()))
    if pa.types.is_timestamp(kind):
        return timestamps(column)
    if pa.types.is_time(kind):
        return pc.multiply(column.cast(pa.int64()), 1000)
    if pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    return column


def arrow(table, rowtype):
    """Writes rows as an Arrow stream with Snowflake's metadata."""
    columns = [arrow_column(column) for column in table.columns]
    fields = []
    for column, info in zip(columns, rowtype):
        metadata = {
            "logicalType": info["type"].upper(),
            "precision": str(info["precision"] or 38),
            "scale": str(info["scale"] or 0),
            "charLength": str(info["length"] or 0),
            "byteLength": "16" if info["type"] == "timestamp_tz" else str(info["byteLength"] or 0),
            "finalType": "T",
        }
        fields.append(pa.field(info["name"], column.type, metadata=metadata))
    sink = pa.BufferOutputStream()
    table = pa.table(columns, schema=pa.schema(fields))
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def json_cell(value, zone):
    """Writes a value as Snowflake's JSON does: a text, or null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (bytes, bytearray)):
        return value.hex().upper()
    if isinstance(value, datetime.date):
        return str((value - datetime.date(1970, 1, 1)).days)
    if isinstance(value, datetime.time):
        return f"{(value.hour * 60 + value.minute) * 60 + value.second}.{value.microsecond:06}000"
    if isinstance(value, int) and zone is not False:
        return f"{value // 10**9}.{value % 10**9:09}" + (" 1440" if zone else "")
    return str(value)


def json_rows(table):
    columns = []
    for column in table.columns:
        zone = False
        if pa.types.is_timestamp(column.type):
            zone = column.type.tz
            column = column.cast(pa.timestamp("ns", zone)).cast(pa.int64())
        columns.append([json_cell(value, zone) for value in column.to_pylist()])
    return [list(row) for row in zip(*columns)]


def json_part(table):
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in json_rows(table)]
    return ",\n".join(rows).encode()
