import KernelInterface

// This folder is compiled three times: as it is, and through links to it with AVX2 and AVX-512 allowed. Nothing in it may be generic
// over types or call generic code that is not inlined: the linker keeps one copy of such code, whichever it meets first, and
// would run instructions that a processor does not have. (Tests/KernelTests looks for such symbols.)

#if AVX512
private let name: StaticString = "avx512"
#elseif AVX2
private let name: StaticString = "avx2"
#else
private let name: StaticString = "baseline"
#endif

/// This build's loops.
public func makeKernelTable() -> KernelTable {
    KernelTable(
        name: name,
        multiplyF32: { multiplyF32($0, $1, $2) },
        multiplyF16: { multiplyF16($0, $1, $2) },
        multiplyBF16: { multiplyBF16($0, $1, $2) },
        multiplyQ8: { multiplyQ8($0, $1, $2) },
        multiplyQ4: { multiplyQ4($0, $1, $2) },
        quantize: { quantize($0, $1, $2, $3) },
        pass: { pass($0, $1, $2, $3) },
        sum: { sum($0, $1) },
        softmax: { softmax($0, $1, $2) },
        matrixVector: { matrixVector($0, $1, $2, $3, $4) },
        vectorMatrix: { vectorMatrix($0, $1, $2, $3, $4) },
        updateState: { updateState($0, $1, $2, $3, $4, $5) },
        outerProducts: { outerProducts($0, $1, $2) },
        addRows: { addRows($0, $1) },
        scatterRows: { scatterRows($0, $1) },
        crossEntropy: { crossEntropy($0, $1, $2, $3, $4) },
        dropoutMask: { dropoutMask($0, $1, $2) })
}
