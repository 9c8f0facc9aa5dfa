import NIOPosix

/// Runs calls that block (vaults, key files) off the threads that everything else shares.
enum BlockingCalls {
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await NIOThreadPool.singleton.runIfActive(body)
    }
}
