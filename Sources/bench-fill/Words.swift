/// Texts of support tickets, made of words whose frequency falls as in natural languages.
///
/// `common` stands in exactly every tenth ticket, each of `rare` in ten of the whole database; no other text has them.
enum Words {
    static let common = "маршрутизация"
    static let rare = [
        "аметист", "бирюза", "цирконий", "обсидиан", "халцедон", "малахит", "лазурит", "гелиотроп", "турмалин",
        "сердолик",
    ]

    private static let russian = split(
        """
        не после звонок оператор ошибка окно работает очередь вызов система обновления настройка отчёт запись клиент агент
        линия сервер пользователь номер сообщение экран перевод кнопка список версия форма таймаут соединение браузер пароль
        доступ сценарий абонент голос меню справочник канал статистика интеграция журнал база модуль сессия гарнитура звук
        помехи эхо задержка разрыв переадресация автоответчик расписание праздник смена супервизор роль права лицензия ключ
        сертификат домен почта вложение файл выгрузка загрузка диаграмма фильтр сортировка поиск карточка сделка контакт
        компания задача напоминание уведомление подсказка шаблон скрипт переменная условие ветка прокси шлюз кодек транк
        регистрация телефон аппарат микрофон динамик виджет чат бот диалог распознавание синтез речи фраза интонация пауза
        тишина оценка опрос анкета балл норматив показатель график сводка период месяц неделя выходной ночь утро обед
        """)
    private static let english = split(
        """
        the call after window operator error queue does not work agent update freezes report recording customer line server
        user number message screen transfer button list version form timeout connection browser password access script
        caller voice menu directory channel statistics integration log database module session headset sound noise echo
        delay drop forwarding voicemail schedule holiday shift supervisor role rights licence key certificate domain mail
        attachment file export import chart filter sorting search card deal contact company task reminder notification hint
        template variable condition branch proxy gateway codec trunk registration phone device microphone speaker widget
        chat bot dialogue recognition synthesis phrase pause silence rating survey score threshold figure graph summary
        period month week weekend night morning lunch restart crash memory leak disk cluster replica failover backup
        """)
    private static let skew = Skew(min(russian.count, english.count), exponent: 0.9)

    private static func split(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\n" }.map(String.init)
    }

    /// A sentence of so many words; one in three names a thing that few others name.
    static func sentence(_ words: Int, isRussian: Bool, _ generator: inout SeededGenerator) -> String {
        let list = isRussian ? russian : english
        var text = ""
        for place in 0..<words {
            let word = list[skew.draw(&generator)]
            if place == 0 {
                text += word.prefix(1).uppercased() + word.dropFirst()
            } else {
                text += " "
                text += word
            }
        }
        if generator.isOnce(in: 0.34) { text += " \(thing(&generator))" }
        return text + "."
    }

    /// What a ticket is called.
    static func subject(isRussian: Bool, _ generator: inout SeededGenerator) -> String {
        let text = sentence(2 + generator.below(4), isRussian: isRussian, &generator)
        return String(text.dropLast())
    }

    /// One to three sentences, and the words that this ticket is known by.
    static func description(ticket: Int, of total: Int, isRussian: Bool, _ generator: inout SeededGenerator) -> String {
        var text = sentence(5 + generator.below(6), isRussian: isRussian, &generator)
        for _ in 0..<generator.below(2) {
            text += " " + sentence(3 + generator.below(6), isRussian: isRussian, &generator)
        }
        if ticket % 10 == 3 { text += " \(common)." }
        // Ten tickets each, spread over all years; a small database has all of them.
        let stride = max(1, total / 10)
        for (place, word) in rare.enumerated() where ticket % stride == (place * 7919 + 17) % stride {
            text += " \(word)."
        }
        return text
    }

    private static func thing(_ generator: inout SeededGenerator) -> String {
        switch generator.below(4) {
        case 0: "E\(1000 + generator.below(9000))"
        case 1: "node\(generator.below(400))"
        case 2: "\(1 + generator.below(9)).\(generator.below(20)).\(generator.below(30))"
        default: "id\(generator.below(1_000_000))"
        }
    }
}
