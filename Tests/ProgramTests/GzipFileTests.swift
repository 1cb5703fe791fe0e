import TestKit
import Testing

@testable import reglament

@Suite struct GzipFileTests {
    private static let sample = "Config/samples/incident_event_log.csv.gz"

    @Test func `a file is read whole, and two after one another too`() throws {
        let bytes = try Repository.bytes(Self.sample)
        let plain = try #require(GzipFile.read(bytes))
        #expect(plain.count > 1_000_000)
        #expect(GzipFile.read(bytes + bytes) == plain + plain)
    }

    @Test func `what is cut short or damaged is refused`() throws {
        var bytes = try Repository.bytes(Self.sample)
        #expect(GzipFile.read(Array(bytes.dropLast(1))) == nil)
        #expect(GzipFile.read(Array(bytes.prefix(5))) == nil)
        bytes[bytes.count / 2] ^= 0xff
        #expect(GzipFile.read(bytes) == nil)
        #expect(GzipFile.read(Array("a,b\n".utf8)) == nil)
    }
}
