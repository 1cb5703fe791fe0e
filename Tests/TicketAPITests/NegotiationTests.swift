import Digests
import HTTPWire
import Regulations
import Testing

@testable import TicketAPI

@Suite struct NegotiationTests {
    @Test(arguments: [
        ([], Language.en), ([""], .en), (["ru"], .ru), (["RU"], .ru), (["ru-RU,ru;q=0.9,en;q=0.8"], .ru),
        (["en, ru"], .en), (["ru, en"], .ru), (["en;q=0.5, ru;q=0.6"], .ru), (["de, fr"], .en),
        (["en;q=0.5, en-US;q=0.9, ru;q=0.8"], .en), (["*"], .en),
        (["de, *;q=0.1"], .en), (["en;q=0"], .ru), (["en;q=0, *"], .ru), (["ru;q=0, *"], .en), (["*;q=0"], .en),
        (["ru;q=0.001"], .ru), (["en;q=0", "ru;q=0"], .en), (["de", "ru"], .ru), (["ru;q=2"], .ru), ([",,;q=1,"], .en),
        (["en-US,en;q=0.5,ru;q=0.7"], .en), (["rus"], .en), (["en;q=0.5;x=\",en\", ru;q=0.6"], .ru),
        ([String(repeating: "a,", count: 7_000) + "ru"], .ru), (["en;q=1.5, ru;q=0.9"], .en), (["en;q=0.1234,ru"], .en),
    ])
    func `the language is the one with the greatest weight`(fields: [String], language: Language) {
        #expect(Negotiation.language(fields) == language)
    }

    @Test(arguments: [
        ([], true), (["*/*"], true), (["application/json"], true), (["application/problem+json"], true),
        (["application/*"], true), (["text/html, */*;q=0.1"], true), (["Application/JSON; charset=utf-8"], true),
        (["text/html"], false), (["application/json;q=0"], false), (["application/json;q=0, */*"], false),
        (["*/*;q=0"], false), (["text/html", "application/json"], true),
        (["application/json;q=0.000, text/plain"], false),
        (["application/*;q=0, */*"], false), (["application/json;q=0, application/problem+json"], false),
        (["application/problem+json;q=0"], false), (["application/problem+json, text/html"], true),
        (["text/html;x=\",application/json,\""], false), (["text/html;x=\"\\\",\", application/json"], true),
        (["text/html;x=\"\\"], false),
    ])
    func `JSON is acceptable unless it is ruled out`(fields: [String], accepted: Bool) {
        #expect(Negotiation.acceptsJSON(fields) == accepted)
    }

    @Test(
        arguments: [
            (["application/json"], [], true), (["application/json; charset=utf-8"], [], true),
            (["Application/JSON ; Charset=\"UTF-8\""], [], true), (["application/json"], ["identity"], true),
            (["application/json"], ["gzip"], false), (["application/json; charset=latin1"], [], false),
            (["application/json; v=1"], [], false), (["text/json"], [], false), ([], [], false), ([""], [], false),
            (["application/json", "application/json"], [], false), (["application/merge-patch+json"], [], false),
        ] as [([String], [String], Bool)])
    func `a body is JSON in UTF-8 without a coding`(types: [String], codings: [String], admitted: Bool) {
        let fields = Fields(types.map { ("Content-Type", $0) } + codings.map { ("Content-Encoding", $0) })
        #expect(ContentType.admits(fields, ContentType.json) == admitted)
    }

    @Test(arguments: [
        ("\"3-00ff\"", true), ("*", true), ("\"3-00ff-gz\"", true), ("\"3-anything\"", true), ("W/\"3-00ff\"", false),
        ("\"2-00ff\", \"3-00ff\"", true), ("\"33-00ff\"", false), ("\"3\"", false), ("3-00ff", false), ("", false),
        ("\"2-a,b\",\"3-x\"", true), ("\"03-00ff\"", false), ("\"2-00ff\"", false), (", \t,\"3-00ff\"", true),
        ("\"x\",,\"3-00ff\"", true), (",", false), ("\"3-00ff", false), ("W/", false), ("\"x\" \"3-00ff\"", false),
    ])
    func `If-Match compares the version alone`(field: String, matches: Bool) {
        #expect(EntityTag.matches([field], version: 3) == matches)
        #expect(EntityTag.names([field], version: 3) == (matches || field == "W/\"3-00ff\""))
    }

    @Test(arguments: [
        ("\"3-00ff\"", true), ("W/\"3-00ff\"", true), ("\"3-00ff-gz\"", true), ("*", true), ("\"3-00fe\"", false),
        ("\"x\", \"3-00ff\"", true), ("\"3-00ff-xz\"", false), (",\"3-00ff\"", true), ("\"3-00ff-gz-gz\"", false),
    ])
    func `If-None-Match names the very answer`(field: String, names: Bool) {
        #expect(EntityTag.names([field], "\"3-00ff\"") == names)
        #expect(EntityTag.matches([field], "\"3-00ff\"") == (names && !field.hasPrefix("W/")))
    }

    @Test func `a request keeps the caller's identifier when it is sensible`() {
        #expect(RequestIdentity(["abc"]).id == "abc")
        #expect(RequestIdentity(["abc"]).instance.isUUID)
        let uuid = "0190F3E4-0000-7000-8000-000000000000"
        #expect(RequestIdentity([uuid]).id == uuid)
        #expect(RequestIdentity([uuid]).instance == uuid.lowercased())
        for bad in ["", "a b", "ж", String(repeating: "a", count: 129)] {
            let identity = RequestIdentity([bad])
            #expect(identity.id.isUUID && identity.id == identity.instance)
        }
        #expect(RequestIdentity(["a", "b"]).id.isUUID)
    }

    @Test func `a secret is 256 random bits and says what it is`() {
        let secret = TokenSecret.make()
        #expect(secret.utf8.count == 47 && secret != TokenSecret.make())
        func token(_ values: String...) -> Digest? { API.token(Fields(values.map { ("authorization", $0) })) }
        for good in ["Bearer \(secret)", "bearer   \(secret)", "BEARER \(secret)"] {
            #expect(token(good) == TokenSecret.digest(of: secret))
        }
        // The last of 43 characters carries four bits: its other two are zero in the one canonical spelling.
        let bent = secret.dropLast() + "B"
        for bad in ["", "rgl_", secret.dropLast(), secret + "A", "xyz_" + secret.dropFirst(4), secret + " ", bent] {
            #expect(token("Bearer \(bad)") == nil)
        }
        for bad in [secret, "Bearer", "Bearer ", "Bearer\(secret)", "Basic \(secret)", "\u{2}earer \(secret)"] {
            #expect(token(bad) == nil)
        }
        #expect(token() == nil && token("Bearer \(secret)", "Bearer \(secret)") == nil)
    }
}
