/// What this work keeps others out by: its changes are refused once a claim of it may be lost, and
/// nobody else's are.
package enum HeldClaims {
    /// Of this task, or of this thread where there is none; the outermost first.
    @TaskLocal package static var current: [any Exclusion] = []

    /// Runs `body` as work that relies on a claim, and releases the claim at its end.
    ///
    /// - Parameters:
    ///   - claim: `nil` where nobody needs to be kept out.
    ///   - body: Changes that it makes on other threads are not looked at.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    package static func holding<Outcome>(
        _ claim: (any Exclusion)?,
        _ body: () throws(VaultError) -> Outcome
    ) throws(VaultError) -> Outcome {
        guard let claim else { return try body() }
        defer { claim.release() }
        let outcome = $current.withValue(current + [claim]) { () -> Result<Outcome, VaultError> in
            do throws(VaultError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
