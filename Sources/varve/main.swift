// The command line: see VarveCommand.swift.
await VarveCommand.start()
