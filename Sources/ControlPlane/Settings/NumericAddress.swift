private import Glibc

/// An IPv4 or IPv6 address in numbers.
struct NumericAddress: Sendable, Hashable {
    /// As inet_ntop(3) writes it: one text for one address.
    let text: String

    /// Accepts what inet_pton(3) does: `127.0.0.2`, `fd00::2`; `::ffff:127.0.0.2` is the IPv4 address (RFC 4291 §2.5.5.2).
    init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard
            var family = [AF_INET, AF_INET6].first(where: { inet_pton($0, text, &bytes) == 1 })
        else { return nil }
        if family == AF_INET6, bytes.starts(with: Self.mappedPrefix) {
            family = AF_INET
            bytes.removeFirst(Self.mappedPrefix.count)
        }
        var written = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes, &written, socklen_t(written.count)) != nil else {
            return nil
        }
        let end = written.firstIndex(of: 0) ?? written.endIndex
        self.text = String(
            decoding: written[..<end].map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

    /// Whether it means every address of the machine.
    var isWildcard: Bool { text == "0.0.0.0" || text == "::" }
}
