// swift-tools-version: 6.1
import PackageDescription

// Numerics are 10 to 500 times slower unoptimised: these targets are optimised in debug builds too, so that
// `swift test` stays fast. (@testable works all the same.)
let numeric: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

// Without checks of exclusive access, which cost as much as a short instruction.
let unchecked: [SwiftSetting] = [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

// One source of kernels, compiled three times (KernelsAVX2 and KernelsAVX512 are links to KernelsBaseline); `Kernels` chooses at run
// time. Without reflection metadata and checks of exclusivity there is nothing in them but the loops.
let kernel: [SwiftSetting] = [
    .unsafeFlags([
        "-Ounchecked", "-enforce-exclusivity=unchecked", "-disable-cmo", "-Xfrontend", "-disable-reflection-metadata",
    ]),
    .unsafeFlags(["-wmo"], .when(configuration: .release)),
]
#if arch(x86_64)
let avx2: [SwiftSetting] = [.define("AVX2"), .unsafeFlags(["-Xcc", "-march=x86-64-v3"])]
let avx512: [SwiftSetting] = [
    .define("AVX512"), .unsafeFlags(["-Xcc", "-march=x86-64-v4", "-Xcc", "-mavx512vnni", "-Xcc", "-mprefer-vector-width=512"]),
]
#else
let avx2: [SwiftSetting] = []
let avx512: [SwiftSetting] = []
#endif

// Imports run downwards only; Tests/ProjectTests holds the same list against what the files really import.
let package = Package(
    name: "rnnz",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "rnnz", targets: ["rnnz"]),
        .library(name: "Network", targets: ["Network"]),
        .library(name: "Zoo", targets: ["Zoo"]),
        .library(name: "Generation", targets: ["Generation"]),
        .library(name: "Conversion", targets: ["Conversion"]),
        .library(name: "Training", targets: ["Training"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        .systemLibrary(name: "CReadline"),
        .systemLibrary(name: "CZlib"),
        .target(name: "KernelInterface", swiftSettings: numeric),
        .target(name: "KernelsBaseline", dependencies: ["KernelInterface"], swiftSettings: kernel),
        .target(name: "KernelsAVX2", dependencies: ["KernelInterface"], swiftSettings: kernel + avx2),
        .target(name: "KernelsAVX512", dependencies: ["KernelInterface"], swiftSettings: kernel + avx512),
        .target(
            name: "Kernels", dependencies: ["KernelInterface", "KernelsBaseline", "KernelsAVX2", "KernelsAVX512"],
            swiftSettings: numeric),
        .target(name: "Archive", dependencies: ["Kernels", "CZlib"], swiftSettings: numeric),
        .target(name: "Tokenization", dependencies: ["Kernels"], swiftSettings: numeric),
        .target(name: "Network", dependencies: ["Kernels"], swiftSettings: numeric + unchecked),
        .target(name: "Zoo", dependencies: ["Network", "Archive", "Tokenization", "Kernels"]),
        .target(
            name: "Generation", dependencies: ["Zoo", "Network", "Archive", "Tokenization", "Kernels"], swiftSettings: numeric),
        .target(name: "Conversion", dependencies: ["Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"]),
        .target(
            name: "Training", dependencies: ["Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"],
            swiftSettings: numeric),
        .target(
            name: "Shell",
            dependencies: [
                "Training", "Conversion", "Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "rnnz", dependencies: ["Shell", "CReadline"]),
        .testTarget(name: "ProjectTests"),
        .testTarget(
            name: "KernelTests", dependencies: ["Kernels"], exclude: ["make_quantized.py"], resources: [.copy("Fixtures")]),
        .testTarget(name: "NetworkTests", dependencies: ["Network", "Kernels"]),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["Conversion", "Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "ArchiveTests", dependencies: ["Archive", "CZlib", "Kernels"], exclude: ["reader"],
            resources: [.copy("Fixtures")],
            swiftSettings: numeric),
        .testTarget(name: "ZooTests", dependencies: ["Zoo", "Network", "Archive", "Tokenization", "Kernels"]),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization"]),
        .testTarget(
            name: "GenerationTests",
            dependencies: ["Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "ConversionTests", dependencies: ["Conversion", "Zoo", "Network", "Archive", "Tokenization", "Kernels"],
            exclude: ["make_models.py"], resources: [.copy("Fixtures")]),
        .testTarget(
            name: "TrainingTests",
            dependencies: ["Training", "Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"],
            exclude: ["make_optimizers.py", "Fixtures"]),
        // A model whose every number is known beforehand, for tests of what is built on models.
        .target(name: "TestModels", dependencies: ["Archive", "Tokenization", "Kernels"], path: "Tests/TestModels"),
        .testTarget(
            name: "ShellTests",
            dependencies: [
                "Shell", "TestModels", "Training", "Conversion", "Generation", "Zoo", "Network", "Archive", "Tokenization",
                "Kernels",
            ]),
        .testTarget(name: "PromptTests", dependencies: ["rnnz", "TestModels"]),
    ],
    swiftLanguageModes: [.v6]
)
