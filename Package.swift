// swift-tools-version: 6.1
import PackageDescription

// Numerics are 10 to 500 times slower unoptimised: these targets are optimised in debug builds too, so that
// `swift test` stays fast. (@testable works all the same.)
let numeric: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

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
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        .systemLibrary(name: "CReadline"),
        .systemLibrary(name: "CZlib"),
        .target(name: "Kernels", swiftSettings: numeric),
        .target(name: "Archive", dependencies: ["Kernels", "CZlib"], swiftSettings: numeric),
        .target(name: "Tokenization", dependencies: ["Kernels"], swiftSettings: numeric),
        .target(name: "Network", dependencies: ["Kernels"], swiftSettings: numeric),
        .target(name: "Zoo", dependencies: ["Network", "Archive", "Tokenization", "Kernels"]),
        .target(
            name: "Generation", dependencies: ["Zoo", "Network", "Archive", "Tokenization", "Kernels"], swiftSettings: numeric),
        .target(name: "Conversion", dependencies: ["Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels"]),
        .target(
            name: "Shell",
            dependencies: [
                "Conversion", "Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels",
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
        // A model whose every number is known beforehand, for tests of what is built on models.
        .target(name: "TestModels", dependencies: ["Archive", "Tokenization", "Kernels"], path: "Tests/TestModels"),
        .testTarget(
            name: "ShellTests",
            dependencies: [
                "Shell", "TestModels", "Conversion", "Generation", "Zoo", "Network", "Archive", "Tokenization", "Kernels",
            ]),
        .testTarget(name: "PromptTests", dependencies: ["rnnz", "TestModels"]),
    ],
    swiftLanguageModes: [.v6]
)
