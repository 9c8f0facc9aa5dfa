// The daemon: see DaemonCommand.swift.
await DaemonCommand.start()
