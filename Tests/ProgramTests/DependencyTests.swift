import Foundation
import TestKit
import Testing

/// What the program is linked with is what docs/reference/dependencies.md names.
@Suite struct DependencyTests {
    /// Which Debian package on the page has the library.
    private static let packages = [
        "libc.so": "`libc6`", "libm.so": "`libc6`", "ld-linux": "`libc6`", "libpq.so": "`libpq-dev`",
        "libssl.so": "`libssl-dev`", "libcrypto.so": "`libssl-dev`", "libz.so": "`zlib1g-dev`",
        "libstdc++.so": "`libstdc++6`", "libgcc_s.so": "`libgcc-s1`",
    ]
    /// The toolchain's own; a release links it statically.
    private static let runtime = ["libswift", "lib_", "libFoundation", "libdispatch", "libBlocksRuntime"]

    @Test func `the program is linked with what the page names and nothing else`() async throws {
        let page = try String(
            contentsOf: Repository.root.appending(path: "docs/reference/dependencies.md"), encoding: .utf8)
        let release = Repository.root.appending(path: ".build/release/reglament").path
        for program in [BuiltProgram.path, release] where FileManager.default.fileExists(atPath: program) {
            let told = try await BuiltProgram.run(["--dynamic", program], [:], executable: "/usr/bin/readelf")
            // 0x0000000000000001 (NEEDED)             Shared library: [libpq.so.5]
            let libraries = told.lines.filter { $0.contains("(NEEDED)") }
                .compactMap { $0.split(separator: "[").last?.dropLast() }
                .filter { library in !Self.runtime.contains { library.hasPrefix($0) } }
            #expect(libraries.contains { $0.hasPrefix("libpq.so") }, "\(told.errors)")
            for library in libraries {
                let package = Self.packages.first { library.hasPrefix($0.key) }?.value
                #expect(package.map { page.contains($0) } == true, "\(program): \(library)")
            }
        }
    }
}
