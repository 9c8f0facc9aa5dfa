/// Which moment of a file system a reader looks at.
package enum View: Hashable, Sendable {
    /// The present.
    case live
    /// A retained instant; any other epoch is refused, never answered with other bytes.
    case past(Epoch)
}
