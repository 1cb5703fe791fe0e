import JSONText
import Regulations
import Tickets

/// A regulation as it is in force.
struct PolicyBody: Body {
    let policy: Policy
    let language: Language

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("code", policy.code)
            json.member("version", policy.version)
            json.member("name", policy.name[language])
            json.member("document", policy.document)
            json.member("kinds", policy.kinds)
            json.member("blocking_kinds", policy.kinds.filter(policy.blockingKinds.contains))
            json.member("channels", policy.channels)
            writeDetails(to: &json)
            json.member("further_problems", policy.furtherProblems.rawValue)
            json.member("confirmers", policy.confirmers.rawValue)
            json.member("auto_close_after_working_days", policy.autoCloseAfterWorkingDays)
            json.member("contract_may_override_auto_close", policy.contractMayOverrideAutoClose)
            write(policy.states, "states", order: State.allCases.map(\.rawValue), to: &json)
            json.key("clauses")
            json.object { json in
                for (clause, text) in policy.clauses.sorted(by: { $0.key < $1.key }) {
                    json.member(named: clause, text[language])
                }
            }
            writePlans(to: &json)
            json.member("calendar", policy.calendar)
            json.member("time_zone", policy.timeZone)
            json.key("names")
            json.object { json in
                write(policy.names.kinds, "kinds", order: policy.kinds, to: &json)
                write(policy.names.details, "details", order: policy.details.map(\.key), to: &json)
                write(policy.names.channels, "channels", order: policy.channels, to: &json)
            }
        }
    }

    /// Both languages, in the given order; what the order lacks comes after, by name.
    private func write(
        _ texts: [String: LocalizedText], _ name: StaticString, order: [String], to json: inout JSONWriter
    ) {
        json.key(name)
        json.object { json in
            for key in order + Set(texts.keys).subtracting(order).sorted() {
                guard let text = texts[key] else { continue }
                json.key(named: key)
                json.object { json in
                    json.member("ru", text.ru)
                    json.member("en", text.en)
                }
            }
        }
    }

    /// As the file says it: `required` is `false`, `"always"`, `{"kinds": […]}` or `{"channels": […]}`.
    private func writeDetails(to json: inout JSONWriter) {
        json.key("details")
        json.array { json in
            for rule in policy.details {
                json.object { json in
                    json.member("key", rule.key)
                    json.key("required")
                    switch rule.requirement {
                    case .optional: json.bool(false)
                    case .always: json.string("always")
                    case .kinds(let kinds): json.object { json in json.member("kinds", kinds) }
                    case .channels(let channels): json.object { json in json.member("channels", channels) }
                    }
                }
            }
        }
        json.key("at_least_one_of")
        json.array { json in
            for group in policy.atLeastOneOf { json.array { json in for key in group { json.string(key) } } }
        }
    }

    private func writePlans(to json: inout JSONWriter) {
        json.key("plans")
        json.object { json in
            for (code, plan) in policy.plans.sorted(by: { $0.key < $1.key }) {
                json.key(named: code)
                json.object { json in
                    json.member("name", plan.name[language])
                    json.key("schedule")
                    write(plan.schedule, to: &json)
                    json.key("times")
                    json.object { json in
                        for priority in Priority.allCases {
                            guard let times = plan.times[priority.rawValue] else { continue }
                            json.key(named: priority.rawValue)
                            json.object { json in
                                json.member("first_response_minutes", times.firstResponseMinutes)
                                json.member("solution_minutes", times.solutionMinutes)
                            }
                        }
                    }
                }
            }
        }
    }

    /// As the counting rules write a schedule.
    private func write(_ schedule: SupportSchedule, to json: inout JSONWriter) {
        json.object { json in
            json.member("timeZone", schedule.timeZone)
            json.member("calendarMode", schedule.calendarMode.rawValue)
            json.key("windows")
            json.object { json in
                for (weekday, windows) in zip(SupportSchedule.weekdays, schedule.windows) where !windows.isEmpty {
                    write(windows, weekday, to: &json)
                }
            }
            if let makeup = schedule.makeup { write(makeup, "makeup", to: &json) }
            if schedule.shortDayMinutes > 0 { json.member("shortDayMinutes", schedule.shortDayMinutes) }
        }
    }

    private func write(_ windows: [SupportSchedule.Window], _ name: String, to json: inout JSONWriter) {
        json.key(named: name)
        json.array { json in
            for window in windows {
                json.object { json in
                    json.member("from", PolicyBody.wallTime(window.from))
                    json.member("to", PolicyBody.wallTime(window.to))
                }
            }
        }
    }

    /// `09:00` out of minutes since midnight.
    private static func wallTime(_ minutes: Int) -> String {
        let (hour, minute) = minutes.quotientAndRemainder(dividingBy: 60)
        return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
    }
}
