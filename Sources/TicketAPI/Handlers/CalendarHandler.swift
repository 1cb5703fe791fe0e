import JSONText
import Regulations
import Tickets

extension API {
    /// One deadline with the days that were counted.
    func calendarDeadline(_ exchange: Exchange) throws -> Answer {
        try exchange.admit()
        let rulebook = rulebook()
        guard let calendar = rulebook.calendars[exchange.arguments[0]] else { throw Problem(.notFound) }
        var input = exchange.input()
        let from = input.query.instant("from", required: true)?.truncatedToMilliseconds()
        let workingDays = input.query.integer("working_days", required: true, in: 0...10_000)
        let identifier = input.query.string("time_zone") ?? calendar.timeZone
        let zone = rulebook.zone(identifier) ?? (try? zones?.rules(for: identifier))
        if zone == nil { input.query.fault(.unknownTimeZone, at: "time_zone") }
        input.query.finish()
        guard let from, let workingDays, let zone, !input.hasFaults else { throw Problem.invalid(input.query.faults) }
        do {
            let deadline = try WorkingDays.deadline(
                from: from, workingDays: workingDays, calendar: calendar, zone: zone)
            let body = CalendarDeadlineBody(
                from: from, workingDays: workingDays, calendar: calendar, timeZone: zone.identifier,
                deadline: deadline, language: exchange.language)
            return .json(200, body, in: exchange.language)
        } catch {
            guard case .calendarNotCovered(let year) = error else { throw Problem(.internalError) }
            throw Problem.invalid([
                Fault(
                    .calendarNotCovered, at: .parameter("working_days"), ["calendar": calendar.id, "year": "\(year)"])
            ])
        }
    }
}

struct CalendarDeadlineBody: Body {
    let from: Instant
    let workingDays: Int
    let calendar: WorkCalendar
    let timeZone: String
    let deadline: WorkingDayDeadline
    let language: Language

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("from", from)
            json.member("working_days", workingDays)
            json.member("calendar", calendar.id)
            json.member("calendar_version", calendar.version)
            json.member("time_zone", timeZone)
            json.member("deadline", deadline.at)
            json.key("days")
            json.array { json in
                for day in deadline.examined { DayBody(day: day, language: language).write(to: &json) }
            }
        }
    }
}

/// A date on the way to a deadline.
struct DayBody: Body {
    let day: ExaminedDay
    let language: Language

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("date", day.date.iso)
            json.member("counted", day.number != nil)
            json.member("number", day.number)
            json.member("name", day.name?[language])
            json.member("provisional", day.provisional)
        }
    }
}
