import NFSWire
package import VarveModel

/// The `other` of a state id: which open or lock it names (RFC 8881 §8.2.2).
///
/// Its first four bytes are the server's start, so that none of an earlier start is ever taken for one of this; the next four are
/// the client's number, so that one of a client that lost its state is known as such (NFS4ERR_EXPIRED in 4.0).
struct StateKey: Hashable, Sendable {
    let high: UInt64
    let low: UInt32

    init(_ stateID: StateID) {
        high = stateID.otherHigh
        low = stateID.otherLow
    }

    init(client: ClientID, number: UInt32) {
        high = client.rawValue
        low = number
    }

    /// Whose it is or was: a client id is the start and the client's number.
    var client: ClientID { ClientID(rawValue: high) }

    func stateID(sequence: UInt32) -> StateID {
        StateID(sequence: sequence, otherHigh: high, otherLow: low)
    }
}

/// Names a file system in handles and tables: the 16 bytes of its unique id as two numbers.
package struct FileSystemKey: Hashable, Sendable, Comparable {
    let high: UInt64
    let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(_ id: UniqueID) {
        var numbers: [UInt64] = [0, 0]
        for (index, byte) in id.bytes.enumerated() {
            numbers[index / 8] = numbers[index / 8] << 8 | UInt64(byte)
        }
        high = numbers[0]
        low = numbers[1]
    }

    package static func < (left: FileSystemKey, right: FileSystemKey) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// A file that may be open: of the past it is another one, which nobody changes.
package struct FileKey: Hashable, Sendable {
    let fileSystem: FileSystemKey
    let inode: InodeNumber
    let view: View

    package init(fileSystem: FileSystemKey, inode: InodeNumber, view: View = .live) {
        self.fileSystem = fileSystem
        self.inode = inode
        self.view = view
    }
}

/// Keeps an inode alive while it is open; whoever drops the open closes it.
package struct HeldFile: Sendable {
    /// Waits for nothing.
    package let close: @Sendable () -> Void

    package init(close: @escaping @Sendable () -> Void) {
        self.close = close
    }
}

extension UInt32 {
    /// The next sequence number of a state id: 0 is left out (RFC 8881 §8.2.2).
    var nextSequence: UInt32 { self == .max ? 1 : self + 1 }
}
