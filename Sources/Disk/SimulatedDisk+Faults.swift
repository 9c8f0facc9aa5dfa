/// The faults that a test has asked a simulated disk for.
struct SimulatedFaults: Sendable {
    struct Pending: Sendable {
        var left: Int
        let code: DiskError.Code
        let isLasting: Bool
        let matches: (@Sendable (RecordedOperation.Kind, String) -> Bool)?
    }

    var line: PowerLine?
    var pending: Pending?
    var unreadable: (@Sendable (String) -> Bool)?
    var isGone = false
    var isPowerOff = false
    var operationsUntilDark: Int?

    func checkPower() throws(DiskError) {
        if isPowerOff || line?.isOff == true { throw DiskError(.powerCut, "the power is off") }
    }

    mutating func admit(_ kind: RecordedOperation.Kind, _ path: String) throws(DiskError) {
        if let left = operationsUntilDark {
            if left == 0 { isPowerOff = true }
            operationsUntilDark = max(0, left - 1)
            try checkPower()
        }
        guard var fault = pending, fault.matches?(kind, path) ?? true else { return }
        guard fault.left == 0 else {
            fault.left -= 1
            pending = fault
            return
        }
        if !fault.isLasting { pending = nil }
        throw DiskError(fault.code, "\(kind.rawValue) '\(path)': failed as the test asked")
    }

    func admitRead(_ path: String) throws(DiskError) {
        guard unreadable?(path) == true else { return }
        throw DiskError(.failed, "read '\(path)': Input/output error")
    }
}

/// What goes wrong, when told to.
extension SimulatedDisk {
    /// Bytes that files hold, in whole pages.
    package var used: UInt64 {
        var used: UInt64 = 0
        arrange { used = $0.used }
        return used
    }

    /// Makes the disk this large; less than it holds is a full disk.
    package func setCapacity(_ bytes: UInt64) {
        arrange { $0.capacity = bytes }
    }

    /// Leaves room for `bytes` more.
    package func failAfter(bytes: UInt64) {
        arrange { $0.capacity = $0.used + bytes }
    }

    /// Lets `n` more mutating calls succeed, and fails the next.
    ///
    /// - Parameters:
    ///   - n: Calls that `matches` admits; others neither count nor fail.
    ///   - code: What the failing call throws; a failing sync loses what was pending on its file.
    ///   - lasting: Whether all later calls fail too, until ``clearFaults()``.
    ///   - matches: Which calls are meant; `nil` means all.
    package func fail(
        after n: Int,
        with code: DiskError.Code = .failed,
        lasting: Bool = false,
        when matches: (@Sendable (RecordedOperation.Kind, String) -> Bool)? = nil
    ) {
        let fault = SimulatedFaults.Pending(
            left: n,
            code: code,
            isLasting: lasting,
            matches: matches
        )
        arrange { $0.faults.pending = fault }
    }

    /// Makes every read of one path fail; `nil` ends that.
    package func failReads(of path: String?) {
        failReads { $0 == path }
    }

    /// Makes every read of the paths that `matches` admits fail.
    package func failReads(when matches: @escaping @Sendable (String) -> Bool) {
        arrange { $0.faults.unreadable = matches }
    }

    /// Makes the disk look as where it is not mounted: no path leads anywhere, and what is open fails.
    package func vanish() {
        arrange { $0.faults.isGone = true }
    }

    /// Ends the faults of ``fail(after:with:lasting:when:)``, ``failReads(of:)`` and ``vanish()``.
    package func clearFaults() {
        arrange {
            $0.faults.pending = nil
            $0.faults.unreadable = nil
            $0.faults.isGone = false
        }
    }

    /// Lets `n` more mutating calls succeed; then everything throws `.powerCut`.
    package func cutPower(after n: Int) {
        arrange { $0.faults.operationsUntilDark = n }
    }

    /// Makes all calls throw `.powerCut` from now on.
    package func powerOff() {
        arrange { $0.faults.isPowerOff = true }
    }

    /// Flips the bits of `mask` in one byte, silently, on the medium.
    package func corrupt(_ path: String, at offset: UInt64, mask: UInt8) throws(DiskError) {
        try change { state throws(DiskError) in
            guard let node = state.tree.node(at: path), !state.tree.isDirectory(node) else {
                throw DiskError(.notFound, "corrupt '\(path)': no such file")
            }
            let flip = RecordedOperation.Change.flip(node: node, offset: offset, mask: mask)
            state.tree.apply(flip)
            state.record(path, flip)
        }
    }
}
