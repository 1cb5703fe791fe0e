import Testing

@testable import TicketAPI

/// The pure parts: media types, ranges, names.
@Suite struct AttachmentReadingTests {
    @Test(
        arguments: [
            ("image/png", "image/png"), (" Image/PNG ", "image/png"),
            ("text/plain;charset=UTF-8", "text/plain; charset=UTF-8"),
            ("text/plain ; Charset=\"a\\\" b\" ;x=1;", "text/plain; charset=\"a\\\" b\"; x=1"),
            ("application/vnd.x+json", "application/vnd.x+json"), ("a/b;;", "a/b"),
            ("", nil), ("text", nil), ("text/", nil), ("/x", nil), ("a/b c", nil), ("a/b, c/d", nil), ("a/b; c", nil),
            ("a/b; c=", nil), ("a/b; =c", nil), ("a/b; c=\"", nil), ("a/b; c=\"\\", nil), ("a/b; c = d", nil),
            ("a/b; c=\"é\"", nil), ("é/b", nil), ("a/\(String(repeating: "b", count: 254))", nil),
            ("*/*; q=\"\u{1}\"", nil),
        ] as [(String, String?)])
    func `a media type is well-formed or none`(text: String, expected: String?) {
        #expect(MediaType.normalised(text) == expected)
    }

    @Test(arguments: [
        ("screen.png", #"attachment; filename="screen.png""#),
        ("two words.txt", #"attachment; filename="two words.txt""#),
        ("отчёт.pdf", "attachment; filename=\"_____.pdf\"; filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82.pdf"),
        (#"a"b\c/d"#, "attachment; filename=\"a_b_c_d\"; filename*=UTF-8''a%22b_c_d"),
        ("../../etc/passwd", #"attachment; filename=".._.._etc_passwd""#),
        ("..", #"attachment; filename="_""#), (".", #"attachment; filename="_""#),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("a\r\nSet-Cookie: x", #"attachment; filename="a__Set-Cookie: x""#),
        ("a\u{0}b\u{7f}\u{85}\u{2028}", #"attachment; filename="a_b___""#),
        ("gpj\u{202E}exe", #"attachment; filename="gpj_exe""#),
        ("x';*=y", #"attachment; filename="x';*=y""#),
        ("é';*", "attachment; filename=\"_';*\"; filename*=UTF-8''%C3%A9%27%3B%2A"),
        ("👩\u{200D}💻.png", "attachment; filename=\"___.png\"; filename*=UTF-8''%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB.png"),
    ])
    func `a name breaks out of nothing and is no path`(name: String, expected: String) {
        let value = ContentDisposition.attachment(name)
        #expect(value == expected)
        #expect(value.utf8.allSatisfy { (0x20...0x7e).contains($0) })
    }

    @Test func `every name gives one quoted string and one extended value`() {
        for code in UInt32(0)...0x3000 {
            guard let scalar = Unicode.Scalar(code) else { continue }
            let value = ContentDisposition.attachment("a\(Character(scalar))b")
            let inner = value.dropFirst(#"attachment; filename=""#.count).prefix { $0 != "\"" }
            #expect(!inner.contains("\\") && !inner.contains("/") && inner.utf8.count == 3, "\(code)")
        }
    }

    @Test func `any text as a range gives the whole, a part of it, or nothing`() {
        let pieces = ["bytes", "=", "-", "0", "7", "99", ",", " ", "x", "18446744073709551616", "-1"]
        for size in [1, 8, 1_000] {
            for first in pieces {
                for second in pieces {
                    for third in pieces {
                        switch ByteRange(["bytes=" + first + second + third], size: size) {
                        case .whole, .unsatisfiable: break
                        case .part(let part): #expect(!part.isEmpty && part.lowerBound >= 0 && part.upperBound <= size)
                        }
                    }
                }
            }
        }
    }
}
