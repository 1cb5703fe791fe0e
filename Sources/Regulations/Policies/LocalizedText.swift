import JSONText

/// The languages of every text for users; raw values are those of `Accept-Language`.
public enum Language: String, Sendable, CaseIterable {
    case en, ru
}

/// A text in every language.
public struct LocalizedText: Sendable, Hashable {
    public let en: String
    public let ru: String

    public init(en: String, ru: String) {
        self.en = en
        self.ru = ru
    }

    public subscript(language: Language) -> String {
        switch language {
        case .en: en
        case .ru: ru
        }
    }

    /// Reads `{"en", "ru"}`, both required and neither blank.
    init?(_ reader: JSONObjectReader) {
        var reader = reader
        let en = reader.notBlank("en")
        let ru = reader.notBlank("ru")
        reader.finish()
        guard let en, let ru else { return nil }
        self.init(en: en, ru: ru)
    }
}

extension JSONObjectReader {
    /// A required string with more than white space in it: else the fault `blank`.
    mutating func notBlank(_ name: String) -> String? {
        guard let text = string(name, required: true) else { return nil }
        if text.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
            fault("blank", at: name)
            return nil
        }
        return text
    }
}
