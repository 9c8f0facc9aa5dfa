/// A root key as people write it down: Bech32 (BIP 173), whose checksum finds up to four wrong letters.
extension RootKey {
    private static let prefix = "varveroot"

    /// `VARVEROOT1…` in groups of four: 68 letters and digits, of which none looks like another one.
    package var written: String {
        let text = Bech32.encode(prefix: RootKey.prefix, secret.withBytes { Array($0) })
            .uppercased()
        var groups: [Substring] = []
        var rest = text[...]
        while !rest.isEmpty {
            groups.append(rest.prefix(4))
            rest = rest.dropFirst(4)
        }
        return groups.joined(separator: " ")
    }

    /// Reads a key that was written down; case and white space do not matter.
    ///
    /// - Throws: `.malformed` for anything else, a typing mistake above all.
    package init(written text: String) throws(KeyringError) {
        let letters = text.filter { !$0.isWhitespace }.lowercased()
        guard let (prefix, key) = Bech32.decode(letters), prefix == RootKey.prefix,
            key.count == SecretBytes.count
        else {
            throw KeyringError(
                .malformed,
                "what was written is no root key, or has a mistake in it",
                remedy: "Compare it letter by letter with the paper: it has 68 letters and digits, "
                    + "and begins with VARVEROOT1."
            )
        }
        self.init(secret: SecretBytes(key))
    }
}
