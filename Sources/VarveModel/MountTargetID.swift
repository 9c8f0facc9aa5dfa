/// The identifier of a mount target: `fsmt-` and 17 lower-case hex digits (AWS EFS).
package struct MountTargetID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let text: String

    /// Accepts `fsmt-` followed by 8 to 40 lower-case hex digits, as the EFS API model does.
    package init?(_ text: String) {
        guard text.hasPrefix("fsmt-") else { return nil }
        let digits = text.utf8.dropFirst(5)
        guard (8...40).contains(digits.count), digits.allSatisfy(Hex.isLowerCaseDigit) else {
            return nil
        }
        self.text = text
    }

    /// Makes a new one.
    package static func random() -> MountTargetID {
        MountTargetID(unchecked: "fsmt-" + Hex.randomDigits(17))
    }

    private init(unchecked text: String) {
        self.text = text
    }

    package var description: String { text }

    package static func < (left: MountTargetID, right: MountTargetID) -> Bool {
        left.text < right.text
    }
}
