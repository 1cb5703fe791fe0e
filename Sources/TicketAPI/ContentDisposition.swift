/// `Content-Disposition: attachment` with a name that comes from somebody else (RFC 6266, RFC 8187).
enum ContentDisposition {
    /// What a recipient might take for a path, or show other than it is, becomes `_`. The plain form has what ASCII can
    /// say of the name; the extended one, only where that is not all, has the whole of it.
    static func attachment(_ filename: String) -> String {
        let name =
            filename == "." || filename == ".."
            ? "_" : String(String.UnicodeScalarView(filename.unicodeScalars.map(safe)))
        // A percent sign or backslash in a quoted string is decoded by some recipients and not by others (appendix D).
        let plain = String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { $0.isASCII && !"\"%".unicodeScalars.contains($0) ? $0 : "_" }))
        guard plain != name else { return "attachment; filename=\"\(plain)\"" }
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(encoded(name))"
    }

    private static func safe(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.properties.generalCategory {
        // Joiners are part of words and emoji.
        case .format where scalar == "\u{200C}" || scalar == "\u{200D}": scalar
        // Marks of direction among them, with which `exe.png` is made out of `gnp.exe`.
        case .control, .format, .lineSeparator, .paragraphSeparator: "_"
        default: scalar == "/" || scalar == "\\" ? "_" : scalar
        }
    }

    /// `ext-value`: every byte that is no `attr-char` as `%XX` (RFC 8187, 3.2).
    private static func encoded(_ name: String) -> String {
        var out: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: out.append(byte)
            case _ where plainSigns.contains(byte): out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static let plainSigns = Set("!#$&+-.^_`|~".utf8)
    private static let digits = Array("0123456789ABCDEF".utf8)
}
