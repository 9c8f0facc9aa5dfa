/// Names that people give and terminals show.
enum NameText {
    /// Whether a text holds no control character: none could move a cursor or begin a line.
    static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }
}
