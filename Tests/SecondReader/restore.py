#!/usr/bin/python3
"""Restores a recovery point without Varve: a second reader of the vault's format.

Written from docs/formats/keys.md, vault.md and manifest.md alone, with Debian's python3-cryptography and
python3-zstandard: it proves that those pages suffice, and is a way out should Varve itself ever be lost.

    restore.py --root-key FILE VAULT list
    restore.py --root-key FILE VAULT restore POINT DIRECTORY

Every seal, chunk id, length, order and count on the way is checked; the first thing that is wrong ends it with
exit code 2 and is named. A list ends so, too, when vouchers tell of points that are lost. A pack whose list does not read counts only when a chunk is missing. DIRECTORY is made, or empty. Owners, devices and attributes outside `user.` need root.
It takes no lease (vault.md, "Reading"): nothing may prune the vault meanwhile. Names and attributes are held in
memory, content is not.
"""

import argparse
import hashlib
import hmac
import json
import os
import re
import stat
import struct
import sys

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TILE_BYTES = 4 << 20
LIST_NONCE = (1 << 64) - 1
ROOT_INODE = 1
FIFO, CHARACTERS, DIRECTORY, BLOCKS, REGULAR, SYMLINK, SOCKET = 1, 2, 4, 6, 8, 10, 12


class Damage(Exception):
    """Something in the vault is not as the format says."""


def demand(condition, what):
    """Raises `Damage` with `what` unless the condition holds."""
    if not condition:
        raise Damage(what)


# Bytes


class Fields:
    """Reads fields one behind the other; integers are little-endian. Nothing may be left over."""

    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    def take(self, count):
        demand(self.at + count <= len(self.data), f"{self.what}: ends after {len(self.data)} bytes")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def u8(self):
        return self.number("B")

    def u16(self):
        return self.number("H")

    def u32(self):
        return self.number("I")

    def u64(self):
        return self.number("Q")

    def i64(self):
        return self.number("q")

    def counted(self):
        return self.take(self.u32())

    def text(self):
        try:
            return self.counted().decode()
        except UnicodeDecodeError as error:
            raise Damage(f"{self.what}: a text that is no UTF-8") from error

    def time(self):
        """A time in nanoseconds since 1970."""
        seconds, nanoseconds = self.i64(), self.u32()
        demand(nanoseconds < 1_000_000_000, f"{self.what}: {nanoseconds} nanoseconds")
        return seconds * 1_000_000_000 + nanoseconds

    def end(self):
        demand(self.at == len(self.data), f"{self.what}: {len(self.data) - self.at} bytes too many")


def counted(text):
    return struct.pack("<I", len(text.encode())) + text.encode()


def digest(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def derive(key, salt, info):
    return HKDF(SHA256(), 32, salt, info).derive(key)


def unseal(key, number, sealed, authenticated, what):
    """Opens an AES-256-GCM seal; the nonce is the number (u64) and the index 0 (u32)."""
    try:
        return AESGCM(key).decrypt(struct.pack("<QI", number, 0), bytes(sealed), authenticated)
    except InvalidTag as error:
        raise Damage(f"{what}: the seal does not open") from error


def contents(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Damage(f"{path}: {error.strerror}") from error


def names_in(folder, pattern):
    """The names in a folder that match, sorted, with what the pattern's group matched; a missing folder is empty."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    matches = ((name, re.fullmatch(pattern, name)) for name in names)
    return [(os.path.join(folder, name), match[1]) for name, match in matches if match]


# Keys


def root_key(path):
    data = contents(path)
    demand(len(data) == 76 and data[:8] == b"VRVROOT\0", f"{path}: no root key file")
    demand(struct.unpack_from("<I", data, 8)[0] == 1, f"{path}: a newer format")
    demand(hashlib.sha256(data[:44]).digest() == data[44:], f"{path}: its digest is wrong")
    return data[12:44]


def unwrapped(data, path, root, owner):
    """The data key in the bytes of a wrapped key file."""
    demand(len(data) == 108 and data[:8] == b"VRVDKEY\0", f"{path}: no wrapped key")
    demand(struct.unpack_from("<I", data, 8)[0] == 1, f"{path}: a newer format")
    demand(data[44:60] == owner, f"{path}: the key of something else")
    wrapping = derive(root, data[12:44], b"varve wrap 1" + owner)
    return unseal(wrapping, 0, data[60:], data[:60], path)


# The vault


class Vault:
    """An opened vault: its keys, and where every chunk stands."""

    def __init__(self, path, root_key_path):
        self.path = path
        root = root_key(root_key_path)
        self.first_key(root)
        # Now that it is known which changes are the vault's own, the newest of each count.
        self.describe(self.newest("vault.json"))
        demand(unwrapped(self.newest("key"), "key", root, self.uuid) == self.key, "key: another key")
        secret = self.opened(self.newest("secret"), "secret", b"VRVSECRT", self.uuid)
        demand(len(secret) == 32, "secret: not 32 bytes")
        self.chunk_id_key = derive(secret, self.uuid, b"varve chunk id 1")
        self.places, self.unread = {}, []
        for pack, identifier in names_in(f"{path}/packs", r"([0-9a-f]{32})\.pack"):
            try:
                self.read_pack_list(pack, bytes.fromhex(identifier))
            except (Damage, OSError) as trouble:
                self.unread.append(str(trouble))

    def bodies(self, name):
        """What a file may hold: each change of it, the newest first, then the plain file."""
        form = re.escape(name) + r"\.([0-9a-f]{16}-[0-9a-f]{32})"
        changed = [contents(path) for path, _ in reversed(names_in(f"{self.path}/changes", form))]
        found = [data[:-48] for data in changed if len(data) > 48 and data[-8:] == b"VRVCHANG"]
        if not found or os.path.exists(f"{self.path}/{name}"):
            found.append(contents(f"{self.path}/{name}"))
        return found

    def newest(self, name):
        """The body of the newest change that is the vault's own; of a file without any, the plain file."""
        key = derive(self.key, self.uuid, b"varve vault change 1")
        form = re.escape(name) + r"\.([0-9a-f]{16})-[0-9a-f]{32}"
        for path, digits in reversed(names_in(f"{self.path}/changes", form)):
            data = contents(path)
            revision = struct.pack("<Q", int(digits, 16))
            tag = digest(key, counted(name) + revision + data[:-48])
            if len(data) > 48 and data[-48:] == revision + tag + b"VRVCHANG":
                return data[:-48]
        return contents(f"{self.path}/{name}")

    def first_key(self, root):
        """Finds a description and a key that belong together; the root key opens it."""
        trouble = None
        for text in self.bodies("vault.json"):
            for wrapped in self.bodies("key"):
                try:
                    self.uuid = bytes.fromhex(json.loads(text)["uuid"])
                    self.key = unwrapped(wrapped, f"{self.path}/key", root, self.uuid)
                    return self.describe(text)
                except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
                    trouble = trouble or Damage(f"vault.json: no description of a vault: {error}")
                except Damage as error:
                    trouble = trouble or error
        raise trouble

    def describe(self, text):
        try:
            self.check_description(self.description(text))
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise Damage(f"vault.json: no description of a vault: {error}") from error

    def description(self, text):
        described = json.loads(text)
        demand(described["magic"] == "varve vault", "vault.json: another magic")
        demand(described["format"] == 1, f"vault.json: format {described['format']}")
        # Bit 0: there may be parity, which a reader need not know. Bit 1: changes have names of their own.
        demand(described["features"]["incompatible"] in range(4), "vault.json: needs a newer reader")
        return described

    def check_description(self, described):
        features, created, chunks = described["features"], described["created"], described["chunks"]
        sealed = counted(described["magic"])
        sealed += struct.pack(
            "<IIII",
            described["format"],
            features["compatible"],
            features["readOnlyCompatible"],
            features["incompatible"],
        )
        sealed += counted(described["uuid"]) + counted(described["name"])
        sealed += struct.pack("<qI", created["seconds"], created["nanoseconds"])
        sealed += struct.pack("<qqq", chunks["minimum"], chunks["average"], chunks["maximum"])
        key = derive(self.key, self.uuid, b"varve vault description 1")
        demand(digest(key, sealed).hex() == described["seal"], "vault.json: its seal is wrong")

    def seal_key(self, salt, header):
        return derive(self.key, salt, b"varve vault seal 1" + header)

    def check_header(self, header, magic, identifier, what):
        """The first 88 bytes, which objects and packs have in common."""
        demand(header[:8] == magic, f"{what}: another magic")
        format_, _, _, incompatible = struct.unpack_from("<IIII", header, 8)
        demand(format_ == 1 and incompatible == 0, f"{what}: needs a newer reader")
        demand(header[24:40] == self.uuid, f"{what}: of another vault")
        demand(header[40:56] == identifier, f"{what}: under a wrong name")

    def object(self, path, magic, identifier):
        """The opened body of an object."""
        return self.opened(contents(path), path, magic, identifier)

    def opened(self, data, path, magic, identifier):
        demand(len(data) >= 96, f"{path}: cut short")
        header = data[:96]
        self.check_header(header, magic, identifier, path)
        demand(len(data) == 96 + struct.unpack_from("<Q", header, 88)[0] + 16, f"{path}: wrong length")
        return unseal(self.seal_key(header[56:88], header), 0, data[96:], b"", path)

    def read_pack_list(self, path, identifier):
        """Notes the places of all chunks of a pack: its list is at its end."""
        with open(path, "rb") as file:
            header = file.read(128)
            demand(len(header) == 128, f"{path}: cut short")
            self.check_header(header, b"VRVPACK\0", identifier, path)
            demand(header[112] in (0, 1) and not any(header[113:128]), f"{path}: an unknown kind")
            file.seek(-24, os.SEEK_END)
            size = file.tell() + 24
            from_, length, magic = struct.unpack("<QQ8s", file.read(24))
            demand(magic == b"VRVPEND\0" and from_ + length + 24 == size, f"{path}: not ended")
            file.seek(from_)
            sealed = file.read(length)
        key = self.seal_key(header[56:88], header)
        chunks = Fields(unseal(key, LIST_NONCE, sealed, struct.pack("<Q", from_), path), path)
        end, places = 128, []
        for number in range(chunks.u32()):
            identifier, offset, sealed_bytes = chunks.take(24), chunks.u32(), chunks.u32()
            plain_bytes, codec = chunks.u32(), chunks.u8()
            demand(offset == end, f"{path}: chunk {number} does not follow the one before")
            end = offset + sealed_bytes
            place = (path, key, number, offset, sealed_bytes, plain_bytes, codec)
            places.append((identifier, place))
        chunks.end()
        demand(end == from_, f"{path}: bytes that no chunk holds")
        for identifier, place in places:
            self.places.setdefault(identifier, []).append(place)

    def chunk(self, reference):
        """The bytes of a chunk, from the first place that is whole."""
        identifier, length = reference
        troubles = []
        for place in self.places.get(identifier, []):
            try:
                return self.chunk_at(place, identifier, length)
            except (Damage, OSError) as trouble:
                troubles.append(str(trouble))
        raise Damage("; ".join(troubles + self.unread) or f"chunk {identifier.hex()}: in no pack")

    def chunk_at(self, place, identifier, length):
        path, key, number, offset, sealed_bytes, plain_bytes, codec = place
        what = f"{path}: chunk {number}"
        with open(path, "rb") as file:
            sealed = os.pread(file.fileno(), sealed_bytes, offset)
        authenticated = identifier + struct.pack("<IB", plain_bytes, codec)
        data = unseal(key, number, sealed, authenticated, what)
        demand(codec in (0, 1), f"{what}: codec {codec}")
        if codec == 1:
            declared = zstandard.frame_content_size(data)
            demand(declared == plain_bytes, f"{what}: its frame declares {declared} bytes")
            data = zstandard.ZstdDecompressor().decompress(data)
        demand(len(data) == plain_bytes == length, f"{what}: {len(data)} bytes, not {length}")
        demand(digest(self.chunk_id_key, data)[:24] == identifier, f"{what}: its id is wrong")
        return data

    def points(self):
        """Every recovery point, by the time of its instant."""
        manifests = names_in(f"{self.path}/manifests", r"rp-([0-9a-f]{32})\.manifest")
        return sorted((self.point(identifier) for _, identifier in manifests), key=lambda p: p["time"])

    def lost(self):
        """What vouchers say of points that are neither here nor in cold storage, and were not deleted."""
        there = names_in(f"{self.path}/manifests", r"rp-([0-9a-f]{32})\.manifest")
        there += names_in(f"{self.path}/cold", r"rp-([0-9a-f]{32})\.cold")
        known = {identifier for _, identifier in there}
        vouchers = names_in(f"{self.path}/vouchers", r"rp-([0-9a-f]{32})\.voucher")
        lost = [self.said(b"VRVVOUCH", path, name) for path, name in vouchers if name not in known]
        demand(not any(point["maps"] for point in lost), "vouchers: one with maps")
        return lost

    def point(self, identifier):
        return self.said(b"VRVMNFST", f"{self.path}/manifests/rp-{identifier}.manifest", identifier)

    def said(self, magic, path, identifier):
        """What a manifest, or a voucher, says of a point."""
        body = Fields(self.object(path, magic, bytes.fromhex(identifier)), path)
        point = {"id": identifier, "source": body.text(), "instant": body.u64()}
        point["time"], point["created"] = body.time(), body.time()
        expires, at = body.u8(), body.time()
        demand(expires == 1 or (expires == 0 and at == 0), f"{path}: an odd time of expiry")
        point["expires"] = at if expires else None
        point["maps"] = {}
        for _ in range(body.u32()):
            name, root, level = body.text(), (body.take(24), body.u32()), body.u8()
            point["maps"][name] = (root, level, body.u64())
        point["statistics"] = {body.text(): body.u64() for _ in range(body.u32())}
        point["labels"] = {body.text(): body.text() for _ in range(body.u32())}
        body.end()
        return point

    def entries(self, root, level, count, what):
        """Every entry of a map in the order of keys: key, value, references to chunks."""
        last, found = None, 0
        stack = [(root, level, None, count)]
        while stack:
            reference, level, last_key, beneath = stack.pop()
            items = list(self.node(self.chunk(reference), level, what))
            if last_key is not None:
                demand(items and items[-1][0] == last_key, f"{what}: a node ends with another key")
            if level:
                demand(sum(item[2] for item in items) == beneath, f"{what}: a wrong count of entries")
                stack += [(item[1], level - 1, item[0], item[2]) for item in reversed(items)]
                continue
            demand(len(items) == beneath, f"{what}: a wrong count of entries")
            for item in items:
                demand(last is None or last < item[0], f"{what}: keys do not ascend")
                last, found = item[0], found + 1
                yield item
        demand(found == count, f"{what}: {found} entries, not {count}")

    def node(self, data, level, what):
        """The items of one node: entries at level 0, children above."""
        fields = Fields(data, what)
        demand(fields.u8() == 1, f"{what}: a node of a newer format")
        demand(fields.u8() == level, f"{what}: a node of another level")
        last = None
        for _ in range(fields.u32()):
            key = fields.take(fields.u16())
            demand(1 <= len(key) <= 1024 and (last is None or last < key), f"{what}: keys do not ascend")
            last = key
            if level:
                yield key, (fields.take(24), fields.u32()), fields.u64()
                continue
            value = fields.counted()
            demand(len(value) <= 1 << 20, f"{what}: a value of {len(value)} bytes")
            chunks = [(fields.take(24), fields.u32()) for _ in range(fields.u16())]
            yield key, value, chunks
        fields.end()


# The manifest of a file system


class Inode:
    """The attributes of one inode and the extents of its tiles."""

    def __init__(self, key, value, chunks):
        what = f"inode {int.from_bytes(key, 'big')}"
        fields = Fields(value, what)
        demand(fields.u8() == 1, f"{what}: a newer format")
        self.number = fields.u64()
        demand(self.number.to_bytes(8, "big") == key, f"{what}: the inode is {self.number}")
        fields.u32()  # Generation: of file handles.
        self.kind, self.permissions = fields.u8(), fields.u16()
        demand(self.permissions <= 0o7777, f"{what}: permissions {self.permissions:o}")
        self.uid, self.gid, self.links = fields.u32(), fields.u32(), fields.u32()
        self.size = fields.u64()
        fields.u64()  # Bytes of data.
        self.accessed, self.modified = fields.time(), fields.time()
        fields.time(), fields.time()  # Changed and created: nobody can set them.
        fields.u64()  # The change attribute.
        self.device = os.makedev(fields.u32(), fields.u32())
        self.parent = fields.u64()
        fields.u32()  # The project.
        self.target = fields.counted()
        self.attributes = []
        for _ in range(fields.u32()):
            self.attributes.append((fields.counted(), self.attribute(fields, chunks, what)))
        fields.end()
        self.tiles = []

    def attribute(self, fields, chunks, what):
        """The value of an extended attribute, or the reference to the chunk that it is."""
        form = fields.u8()
        demand(form in (0, 1), f"{what}: an odd attribute")
        if form == 0:
            return fields.counted()
        index = fields.u32()
        demand(index < len(chunks), f"{what}: chunk {index} of {len(chunks)}")
        return chunks[index]

    def add_tile(self, tile, value, chunks):
        what = f"inode {self.number}, tile {tile}"
        fields = Fields(value, what)
        demand(self.kind == REGULAR, f"{what}: content of what is no file")
        demand(fields.u8() == 1, f"{what}: a newer format")
        end, extents = 0, []
        for _ in range(fields.u32()):
            offset, length, index, begin = fields.u32(), fields.u32(), fields.u32(), fields.u32()
            demand(end <= offset and length > 0, f"{what}: extents out of order")
            end = offset + length
            demand(end <= TILE_BYTES and tile * TILE_BYTES + end <= self.size, f"{what}: beyond the end")
            demand(index < len(chunks), f"{what}: chunk {index} of {len(chunks)}")
            demand(begin + length <= chunks[index][1], f"{what}: beyond its chunk")
            extents.append((offset, length, chunks[index], begin))
        fields.end()
        self.tiles.append((tile, extents))


class Point:
    """What a recovery point holds: inodes, and the names in each directory."""

    def __init__(self, vault, identifier):
        self.vault = vault
        self.maps = vault.point(identifier)["maps"]
        demand(sorted(self.maps) == ["inodes", "names"], f"point {identifier}: not of a file system")
        self.inodes = dict(self.read_inodes())
        self.directories = {}
        self.read_names()
        self.check_links()

    def entries(self, name):
        (root, level, count) = self.maps[name]
        return self.vault.entries(root, level, count, f"map {name}")

    def read_inodes(self):
        inode = None
        for key, value, chunks in self.entries("inodes"):
            demand(len(key) in (8, 12), f"map inodes: a key of {len(key)} bytes")
            if len(key) == 8:
                inode = Inode(key, value, chunks)
                yield inode.number, inode
                continue
            number, tile = struct.unpack(">QI", key)
            demand(inode and inode.number == number, f"inode {number}: content, but no attributes")
            inode.add_tile(tile, value, chunks)

    def read_names(self):
        for key, value, chunks in self.entries("names"):
            demand(len(key) == 16 and not chunks, "map names: an odd entry")
            directory, _ = struct.unpack(">QQ", key)
            fields = Fields(value, f"a name in directory {directory}")
            demand(fields.u8() == 1, f"{fields.what}: a newer format")
            number, kind, name = fields.u64(), fields.u8(), value[10:]
            demand(1 <= len(name) <= 255 and name not in (b".", b".."), f"{fields.what}: {name!r}")
            demand(b"/" not in name and b"\0" not in name, f"{fields.what}: {name!r}")
            inode = self.inodes.get(number)
            demand(inode and inode.kind == kind, f"{fields.what}: {name!r} is another inode")
            demand(kind != DIRECTORY or inode.parent == directory, f"{name!r}: has another parent")
            self.directories.setdefault(directory, []).append((name, inode))

    def check_links(self):
        """Every inode is named as often as it says, the root not at all."""
        found = {}
        for directory, names in self.directories.items():
            parent = self.inodes.get(directory)
            demand(parent and parent.kind == DIRECTORY, f"inode {directory}: holds names, is no directory")
            demand(len({name for name, _ in names}) == len(names), f"inode {directory}: a name twice")
            for _, inode in names:
                found[inode.number] = found.get(inode.number, 0) + 1
        demand(ROOT_INODE in self.inodes, "no root directory")
        for number, inode in self.inodes.items():
            links = 1 if inode.kind == DIRECTORY else inode.links
            links = 0 if number == ROOT_INODE else links
            demand(found.get(number, 0) == links, f"inode {number}: {found.get(number, 0)} names, not {links}")


# Restoring


class Restore:
    """Writes a point's tree into a directory; no path is ever longer than one name."""

    def __init__(self, point, directory):
        self.point, self.vault = point, point.vault
        self.made = {}
        os.makedirs(directory, exist_ok=True)
        self.top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        demand(not os.listdir(self.top), f"{directory}: not empty")

    def run(self):
        waiting, done = [((), self.point.inodes[ROOT_INODE])], []
        while waiting:
            path, directory = waiting.pop()
            done.append((path, directory))
            waiting += self.fill(path, directory)
        for path, directory in reversed(done):
            folder = self.opened(path)
            self.dress(folder, b".", directory)
            os.close(folder)

    def opened(self, path):
        """A descriptor of a directory that was made, found from the top name by name."""
        folder = os.dup(self.top)
        for name in path:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return folder

    def fill(self, path, directory):
        """Makes what a directory holds; returns the directories in it."""
        folder, inner = self.opened(path), []
        for name, inode in self.point.directories.get(directory.number, []):
            if inode.kind == DIRECTORY:
                os.mkdir(name, 0o700, dir_fd=folder)
                inner.append(((*path, name), inode))
            elif inode.number in self.made:
                self.link(inode, folder, name)
            else:
                self.make(folder, name, inode)
                self.dress(folder, name, inode)
                self.made[inode.number] = (path, name)
        os.close(folder)
        return inner

    def link(self, inode, folder, name):
        path, first = self.made[inode.number]
        source = self.opened(path)
        os.link(first, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
        os.close(source)

    def make(self, folder, name, inode):
        kinds = {FIFO: stat.S_IFIFO, CHARACTERS: stat.S_IFCHR, BLOCKS: stat.S_IFBLK, SOCKET: stat.S_IFSOCK}
        if inode.kind == REGULAR:
            self.write(folder, name, inode)
        elif inode.kind == SYMLINK:
            os.symlink(inode.target, name, dir_fd=folder)
        else:
            demand(inode.kind in kinds, f"inode {inode.number}: kind {inode.kind}")
            os.mknod(name, kinds[inode.kind] | 0o600, inode.device, dir_fd=folder)

    def write(self, folder, name, inode):
        """Writes the extents; what lies between them stays a hole."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = os.open(name, flags, 0o600, dir_fd=folder)
        os.ftruncate(file, inode.size)
        for tile, extents in inode.tiles:
            held, data = None, b""
            for offset, length, reference, begin in extents:
                if reference != held:
                    held, data = reference, self.vault.chunk(reference)
                piece, at = data[begin : begin + length], tile * TILE_BYTES + offset
                while piece:
                    written = os.pwrite(file, piece, at)
                    piece, at = piece[written:], at + written
        os.close(file)

    def dress(self, folder, name, inode):
        """Owner, permissions, extended attributes and times, in the order in which none undoes another."""
        os.chown(name, inode.uid, inode.gid, dir_fd=folder, follow_symlinks=False)
        if inode.kind != SYMLINK:
            os.chmod(name, inode.permissions, dir_fd=folder)
        through = b"/proc/self/fd/%d/%s" % (folder, name)
        for attribute, value in inode.attributes:
            data = value if isinstance(value, bytes) else self.vault.chunk(value)
            os.setxattr(through, attribute, data, follow_symlinks=False)
        times = (inode.accessed, inode.modified)
        os.utime(name, ns=times, dir_fd=folder, follow_symlinks=False)


def main():
    parser = argparse.ArgumentParser(description="Restores a recovery point without Varve.")
    parser.add_argument("--root-key", required=True)
    parser.add_argument("vault")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="one JSON object a line for each recovery point")
    restore = verbs.add_parser("restore", help="restores a recovery point into an empty directory")
    restore.add_argument("point")
    restore.add_argument("directory")
    arguments = parser.parse_args()
    vault = Vault(arguments.vault, arguments.root_key)
    if arguments.verb == "list":
        for point in vault.points():
            print(json.dumps({key: value for key, value in point.items() if key != "maps"}))
        lost = [f"rp-{point['id']} of {point['source']} is lost" for point in vault.lost()]
        demand(not lost, "; ".join(lost))
        return
    identifier = arguments.point.removeprefix("rp-")
    demand(re.fullmatch(r"[0-9a-f]{32}", identifier), f"{arguments.point}: no recovery point's id")
    Restore(Point(vault, identifier), os.fsencode(arguments.directory)).run()


if __name__ == "__main__":
    try:
        main()
    except (Damage, OSError) as trouble:
        print(f"restore.py: {trouble}", file=sys.stderr)
        sys.exit(2 if isinstance(trouble, Damage) else 1)
