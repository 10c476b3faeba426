#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How a thread's processor treats subnormal numbers.
public struct FloatingPointMode {
    private var environment = fenv_t()

    /// From here on, in this thread, subnormal results and operands of single-precision arithmetic count as zero: processors take
    /// a hundred times as long for them.
    /// - Returns: the mode before.
    public static func flushSubnormals() -> FloatingPointMode {
        var before = FloatingPointMode()
        fegetenv(&before.environment)
        var after = before.environment
        #if arch(x86_64) && canImport(Glibc)
        after.__mxcsr |= 0x8040  // FTZ and DAZ
        #elseif arch(arm64) && canImport(Glibc)
        after.__fpcr |= 1 << 24  // FZ
        #endif
        fesetenv(&after)
        return before
    }

    public func restore() {
        var environment = environment
        fesetenv(&environment)
    }
}
