/// A bitmap4: a set of small numbers, such as attributes or operations (RFC 8881 §3.3.7, §3.2).
///
/// Bit `n` is bit `n % 32` of word `n / 32`. Numbers to 127 are kept; of greater ones only that there are some, which is all
/// that a server needs to say that it does not know them.
package struct Bitmap: XDRValue, Hashable {
    /// Numbers 0 to 63.
    private var low: UInt64 = 0
    /// Numbers 64 to 127.
    private var high: UInt64 = 0
    /// Whether the message named a number over 127.
    package private(set) var hasUnknown = false

    /// Numbers below this are kept.
    package static let bitsMax = 128

    package init() {}

    package init(_ numbers: some Sequence<Int>) {
        for number in numbers {
            insert(number)
        }
    }

    package var isEmpty: Bool { low == 0 && high == 0 && !hasUnknown }

    package func contains(_ number: Int) -> Bool {
        switch number {
        case 0..<64: low >> UInt64(number) & 1 == 1
        case 64..<128: high >> UInt64(number - 64) & 1 == 1
        default: false
        }
    }

    package mutating func insert(_ number: Int) {
        precondition((0..<Self.bitsMax).contains(number), "a bitmap keeps numbers 0 to 127")
        if number < 64 {
            low |= 1 << UInt64(number)
        } else {
            high |= 1 << UInt64(number - 64)
        }
    }

    package mutating func remove(_ number: Int) {
        switch number {
        case 0..<64: low &= ~(1 << UInt64(number))
        case 64..<128: high &= ~(1 << UInt64(number - 64))
        default: break
        }
    }

    package func intersection(_ other: Bitmap) -> Bitmap {
        var both = Bitmap()
        both.low = low & other.low
        both.high = high & other.high
        return both
    }

    package func union(_ other: Bitmap) -> Bitmap {
        var either = self
        either.low |= other.low
        either.high |= other.high
        either.hasUnknown = hasUnknown || other.hasUnknown
        return either
    }

    package func subtracting(_ other: Bitmap) -> Bitmap {
        var left = self
        left.low &= ~other.low
        left.high &= ~other.high
        return left
    }

    /// Calls `body` with each number, ascending: the order of attributes in a fattr4.
    package func forEach<Failure: Error>(
        _ body: (Int) throws(Failure) -> Void
    ) throws(Failure) {
        var bits = low
        while bits != 0 {
            try body(bits.trailingZeroBitCount)
            bits &= bits - 1
        }
        bits = high
        while bits != 0 {
            try body(64 + bits.trailingZeroBitCount)
            bits &= bits - 1
        }
    }

    /// The numbers, ascending.
    package var numbers: [Int] {
        var found: [Int] = []
        forEach { found.append($0) }
        return found
    }

    /// Words that hold the numbers kept.
    var wordCount: Int {
        let top = high != 0 ? 128 - high.leadingZeroBitCount : 64 - low.leadingZeroBitCount
        return (top + 31) / 32
    }

    /// Word 0 to 3 on the wire.
    func word(_ index: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: (index < 2 ? low : high) >> UInt64(32 * (index & 1)))
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        let count = try reader.count("bitmap4", max: NFSLimits.bitmapWordsMax, bytesEach: 4)
        for index in 0..<count {
            let word = UInt64(try reader.uint32("bitmap4"))
            switch index {
            case 0: low = word
            case 1: low |= word << 32
            case 2: high = word
            case 3: high |= word << 32
            default: hasUnknown = hasUnknown || word != 0
            }
        }
    }

    /// As few words as hold the numbers kept; a fifth stands for those that were not.
    package func encode(to writer: inout XDRWriter) {
        let count = hasUnknown ? 5 : wordCount
        writer.write(UInt32(count))
        for index in 0..<count {
            writer.write(index < 4 ? word(index) : 1)
        }
    }
}

extension Bitmap: ExpressibleByArrayLiteral {
    package init(arrayLiteral numbers: Int...) {
        self.init(numbers)
    }
}
