#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Arguments in, exit code out.
exit(Program(words: Array(CommandLine.arguments.dropFirst())).run())
