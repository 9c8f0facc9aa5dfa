package import FileSystemEngine
import Keyring
import NFSWire
import VarveModel

/// A file system as clients reach it.
package struct ExportedFileSystem: Sendable {
    package let engine: FileSystem
    package let key: FileSystemKey
    /// Its name below the gateway's root: `fs-…`.
    let name: [UInt8]
    /// Its root is what clients find at `/`, and hides no directory of a gateway.
    let isTop: Bool
    /// Authenticates its file handles.
    let seal: SipHash

    package init(_ engine: FileSystem, isTop: Bool = false) {
        self.isTop = isTop
        self.engine = engine
        key = FileSystemKey(engine.unique)
        name = Array(engine.id.text.utf8)
        var numbers: [UInt64] = [0, 0]
        for (index, byte) in engine.secret(for: "nfs file handles").prefix(16).enumerated() {
            numbers[index / 8] = numbers[index / 8] << 8 | UInt64(byte)
        }
        seal = SipHash(key0: numbers[0], key1: numbers[1])
    }

    /// Where a listing of the gateway's root goes on after it: never 0 to 2 (RFC 8881 §18.23.3).
    var cookie: UInt64 { key.high | 1 << 62 }

    /// Its fsid; of a past instant another one, since a client may hold both and must not take one for the other.
    func fileSystemID(at view: View) -> NFSWire.FileSystemID {
        switch view {
        case .live: NFSWire.FileSystemID(major: key.high, minor: key.low)
        case .past(let instant):
            NFSWire.FileSystemID(major: key.high, minor: key.low ^ instant.rawValue)
        }
    }
}
