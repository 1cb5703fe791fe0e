// swift-tools-version: 6.2
import PackageDescription

/// One set of rules for every target: Swift 6, no warnings, and imports that say what they leak.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // What tests have shown to be exclusive is not watched over again: a sixteenth of what /healthz cost.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A program of this repository that is no part of the product.
func tool(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// `data`: folders of files that the tests read by their paths in the repository.
func tests(_ name: String, _ dependencies: [Target.Dependency] = [], data: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestKit"], exclude: data, swiftSettings: strict)
}

let package = Package(
    name: "reglament",
    products: [.executable(name: "reglament", targets: ["reglament"])],
    targets: [
        // Debian's libraries and the little C that Swift cannot see by itself.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libssl libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CLinux"),

        // What a regulation says and what a ticket is. No I/O.
        module("JSONText"),
        module("Regulations", ["JSONText"]),
        module("Digests", ["COpenSSL"]),
        module("Tickets", ["Regulations", "JSONText", "Digests"]),

        // HTTP.
        module("HTTPWire"),
        module("EventLoop", ["CLinux"]),
        module("Gzip", ["CZlib"]),
        module("HTTPServer", ["HTTPWire", "EventLoop", "Gzip", "CLinux", "COpenSSL"]),

        // PostgreSQL.
        module("Postgres", ["CLibPQ", "EventLoop"]),
        module("TicketStore", ["Tickets", "Regulations", "JSONText", "Digests", "Postgres", "EventLoop"]),

        // The JSON API, and the binary that wires everything.
        module("TicketAPI", ["Tickets", "Regulations", "HTTPWire", "JSONText", "Digests"]),
        .executableTarget(
            name: "reglament",
            dependencies: [
                "JSONText", "Regulations", "Digests", "Tickets", "HTTPWire", "EventLoop", "HTTPServer",
                "Postgres", "TicketStore", "TicketAPI", "CLinux", "Gzip",
            ],
            swiftSettings: strict),

        // The bench's own: a client that knows nothing of the service, and a writer of databases to measure on.
        tool("bench-load", ["CLinux"]),
        tool("bench-fill", ["Tickets", "Regulations", "JSONText", "Digests", "CLibPQ"]),

        // Kills and cuts off the built service, and checks what is left.
        tool("soak", ["EventLoop", "JSONText", "Digests", "CLibPQ", "CLinux"]),

        .target(
            name: "TestKit",
            dependencies: [
                "JSONText", "Regulations", "Digests", "Tickets", "HTTPWire", "EventLoop", "HTTPServer",
                "Postgres", "TicketStore", "TicketAPI",
            ],
            path: "Tests/TestKit", swiftSettings: strict),
        tests("JSONTextTests", ["JSONText"]),
        tests("RegulationsTests", ["Regulations", "JSONText"], data: ["Vectors"]),
        tests("DigestsTests", ["Digests"]),
        tests("TicketsTests", ["Tickets", "Regulations", "JSONText", "Digests"]),
        tests("HTTPWireTests", ["HTTPWire"], data: ["Corpus"]),
        tests("EventLoopTests", ["EventLoop"]),
        tests("GzipTests", ["Gzip", "CZlib"]),
        tests("HTTPServerTests", ["HTTPServer", "HTTPWire", "EventLoop", "Gzip", "COpenSSL"]),
        tests("PostgresTests", ["Postgres", "EventLoop"]),
        tests(
            "TicketStoreTests",
            ["TicketStore", "Tickets", "Regulations", "Digests", "Postgres", "EventLoop", "JSONText"]),
        tests(
            "TicketAPITests",
            [
                "TicketAPI", "Tickets", "Regulations", "HTTPWire", "JSONText", "Digests", "TicketStore", "HTTPServer",
                "EventLoop", "Postgres",
            ]),
        tests(
            "ProgramTests", ["reglament", "JSONText", "Regulations", "Tickets", "Postgres", "EventLoop", "HTTPServer"],
            data: ["Data"]),
        tests(
            "FuzzTests", ["HTTPWire", "JSONText", "Regulations", "TicketAPI"], data: ["Corpora"]),
        tests("BenchLoadTests", ["bench-load"]),
        tests("SoakTests", ["soak", "reglament", "bench-fill"]),
        tests("RepositoryTests", ["reglament", "Regulations"]),
    ]
)
