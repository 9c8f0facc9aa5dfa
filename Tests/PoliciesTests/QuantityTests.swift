import Testing

@testable import Policies

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", 0), ("90s", 90), ("15m", 900), ("24h", 86_400), ("7 d", 604_800), ("2w", 1_209_600),
    ])
    func `a duration is a number and a unit`(text: String, seconds: Int64) throws {
        #expect(try Quantity.seconds(text) == seconds)
    }

    @Test(arguments: [
        ("0", 0), ("131072", 131_072), ("128KiB", 131_072), ("1 MiB", 1 << 20), ("3GiB", 3 << 30),
    ])
    func `a size is a number and perhaps a unit`(text: String, bytes: UInt64) throws {
        #expect(try Quantity.bytes(text) == bytes)
    }

    @Test(arguments: [
        "", "24", "-1h", "1.5h", "h", "99999999999999999999d", "9223372036854775807w",
    ])
    func `other durations are refused`(text: String) {
        #expect(throws: PolicyError.self) { try Quantity.seconds(text) }
    }

    @Test(arguments: ["", "128kb", "-1", "1e3", "99999999999TiB", "KiB"])
    func `other sizes are refused`(text: String) {
        #expect(throws: PolicyError.self) { try Quantity.bytes(text) }
    }
}
