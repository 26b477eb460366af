"""Made-up pictures."""
import random
import struct
import zlib


def png(path, seed, edge=224):
    """Writes a PNG file of `edge` × `edge` random pixels."""
    draw = random.Random(seed)
    rows = b''.join(b'\0' + draw.randbytes(3 * edge) for _ in range(edge))

    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', edge, edge, 8, 2, 0, 0, 0)) +
                     chunk(b'IDAT', zlib.compress(rows, 1)) + chunk(b'IEND', b''))
    return str(path)
