import VarveModel

/// What is being read for a recovery point and what waits to be stored: in order, and within bounds.
///
/// Visits end in any order; what they bring is handed out in the order in which they began. It only decides:
/// it starts nothing and waits for nothing.
struct PointWindow {
    /// 64: small visits hide each other's waits, and hold little.
    static let visitsMax = 64
    /// 40 MiB: five whole tiles, each once as it was read and once as it will be stored.
    static let bytesMax: UInt64 = 40 << 20

    private struct Place {
        var bytes: UInt64
        /// `nil` while it is being read.
        var pieces: [PointPiece]?
    }

    private var places: [Int: Place] = [:]
    /// The visit that is handed out next.
    private var first = 0
    private var next = 0
    private(set) var bytesHeld: UInt64 = 0
    /// The most that was held at once.
    private(set) var bytesHeldMax: UInt64 = 0

    var isEmpty: Bool { places.isEmpty }

    /// Whether a visit may begin; one that alone exceeds the bounds has the window to itself.
    func hasRoom(for bytes: UInt64) -> Bool {
        isEmpty
            || (places.count < PointWindow.visitsMax && bytesHeld + bytes <= PointWindow.bytesMax)
    }

    /// Begins a visit.
    ///
    /// - Parameter bytes: What it will hold at most until it has landed.
    /// - Returns: Its number.
    mutating func begin(holding bytes: UInt64) -> Int {
        defer { next += 1 }
        places[next] = Place(bytes: bytes, pieces: nil)
        hold(bytes)
        return next
    }

    /// Takes what a visit brought.
    mutating func land(_ number: Int, _ pieces: [PointPiece]) {
        guard let place = places[number] else { preconditionFailure("a visit lands once") }
        let bytes = pieces.reduce(0) { $0 + $1.bytesHeld }
        bytesHeld -= place.bytes
        places[number] = Place(bytes: bytes, pieces: pieces)
        hold(bytes)
    }

    /// Hands out what the oldest visit brought; `nil` while that one is being read, or when there is none.
    mutating func popFirst() -> [PointPiece]? {
        guard let place = places[first], let pieces = place.pieces else { return nil }
        places[first] = nil
        first += 1
        bytesHeld -= place.bytes
        return pieces
    }

    private mutating func hold(_ bytes: UInt64) {
        bytesHeld += bytes
        bytesHeldMax = max(bytesHeldMax, bytesHeld)
    }
}

/// What a visit brought.
struct PointAnswer: Sendable {
    let number: Int
    let result: Result<[PointPiece], BackupError>
}
