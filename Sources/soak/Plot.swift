import Glibc

/// Curves over minutes, one panel below the other, as SVG 1.1. It stands on white, whatever the page is.
struct Plot: Sendable {
    struct Curve: Sendable {
        let name: String
        let color: String
        var isDashed = false
        /// Minutes, and the panel's unit.
        let points: [(x: Double, y: Double)]
    }

    struct Panel: Sendable {
        let title: String
        var isLogarithmic = false
        let curves: [Curve]
    }

    let title: String
    let subtitle: String
    let minutes: Double
    /// Minutes that are shaded, as they do not count.
    let warmUp: Double
    let panels: [Panel]

    private static let width = 860.0
    private static let left = 64.0
    private static let right = 20.0
    private static let head = 62.0
    private static let panelHeight = 118.0
    /// Of a panel's title and the gap to the one above.
    private static let gap = 34.0
    private static let foot = 46.0
    /// More are no longer seen.
    private static let pointsMax = 400

    var svg: String {
        let height = Self.head + Double(panels.count) * (Self.panelHeight + Self.gap) + Self.foot - Self.gap + 8
        var lines = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(Self.width)) \(Self.number(height))" \
            width="\(Self.number(Self.width))" height="\(Self.number(height))" \
            font-family="Helvetica, Arial, sans-serif" font-size="11" fill="#222">
            """,
            "<title>\(Self.escaped(title))</title>",
            #"<rect width="100%" height="100%" fill="white"/>"#,
            #"<text x="16" y="24" font-size="15" font-weight="bold">\#(Self.escaped(title))</text>"#,
            #"<text x="16" y="42" fill="dimgray">\#(Self.escaped(subtitle))</text>"#,
        ]
        var top = Self.head + 14
        for panel in panels {
            lines += draw(panel, top: top)
            top += Self.panelHeight + Self.gap
        }
        let bottom = top - Self.gap
        for minute in Self.ticks(upTo: minutes) {
            lines.append(Self.text("\(Self.number(minute))", x: x(minute), y: bottom + 15, "middle"))
        }
        lines.append(Self.text("minutes", x: (Self.left + Self.width - Self.right) / 2, y: bottom + 31, "middle"))
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    private func x(_ minute: Double) -> Double {
        Self.left + (Self.width - Self.left - Self.right) * minute / max(minutes, 0.001)
    }

    private func draw(_ panel: Panel, top: Double) -> [String] {
        // What was far off before all is warm, in tables that are still empty, must not flatten the rest: it runs along the edge.
        let values = panel.curves.flatMap { $0.points.filter { $0.x >= warmUp }.map(\.y) }
        let scale = panel.isLogarithmic ? Scale(logarithmic: values) : Scale(linear: values)
        let (right, bottom) = (Self.width - Self.right, top + Self.panelHeight)
        func y(_ value: Double) -> Double { bottom - Self.panelHeight * scale.share(value) }
        var lines = [
            Self.rectangle(x: Self.left, y: top, width: x(warmUp) - Self.left, fill: "#f0f0f0"),
            #"<text x="\#(Self.number(Self.left))" y="\#(Self.number(top - 7))" font-weight="bold">"#
                + "\(Self.escaped(panel.title))</text>",
        ]
        for value in scale.ticks {
            lines.append(Self.line(Self.left, y(value), right, y(value), "#ddd"))
            lines.append(Self.text(value.short, x: Self.left - 6, y: y(value) + 4, "end"))
        }
        for minute in Self.ticks(upTo: minutes) { lines.append(Self.line(x(minute), bottom, x(minute), bottom + 4)) }
        lines.append(Self.line(Self.left, bottom, right, bottom))
        var end = right
        for curve in panel.curves.reversed() {
            // Letters are no wider on average.
            end -= Double(curve.name.count) * 5.6
            lines.append(Self.text(curve.name, x: end, y: top - 7, "start"))
            let (from, to) = (end - 25, end - 5)
            lines.append(Self.line(from, top - 11, to, top - 11, curve.color, isDashed: curve.isDashed, width: 2))
            end -= 37
        }
        for curve in panel.curves {
            let step = max(1, (curve.points.count + Self.pointsMax - 1) / Self.pointsMax)
            let points = stride(from: 0, to: curve.points.count, by: step).map { place in
                "\(Self.number(x(curve.points[place].x))),\(Self.number(y(curve.points[place].y)))"
            }
            lines.append(
                #"<polyline fill="none" stroke="\#(curve.color)" stroke-width="1.5"\#(Self.dashes(curve.isDashed)) "#
                    + #"points="\#(points.joined(separator: " "))"/>"#)
        }
        return lines
    }

    // MARK: Elements

    private static func text(_ text: String, x: Double, y: Double, _ anchor: String) -> String {
        #"<text x="\#(number(x))" y="\#(number(y))" text-anchor="\#(anchor)">\#(escaped(text))</text>"#
    }

    private static func line(
        _ x: Double, _ y: Double, _ toX: Double, _ toY: Double, _ color: String = "#888", isDashed: Bool = false,
        width: Double = 1
    ) -> String {
        #"<line x1="\#(number(x))" y1="\#(number(y))" x2="\#(number(toX))" y2="\#(number(toY))" "#
            + #"stroke="\#(color)" stroke-width="\#(number(width))"\#(dashes(isDashed))/>"#
    }

    private static func rectangle(x: Double, y: Double, width: Double, fill: String) -> String {
        #"<rect x="\#(number(x))" y="\#(number(y))" width="\#(number(width))" height="\#(number(panelHeight))" "#
            + #"fill="\#(fill)"/>"#
    }

    private static func dashes(_ isDashed: Bool) -> String { isDashed ? #" stroke-dasharray="5 3""# : "" }

    /// A tenth of a pixel is enough.
    private static func number(_ value: Double) -> String {
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// From zero, at most ten: one, two or five times a power of ten apart.
    static func ticks(upTo end: Double, atMost count: Double = 10) -> [Double] {
        let power = pow(10, log10(max(end, 1e-6) / count).rounded(.up))
        let step = [power / 5, power / 2, power].first { end / $0 <= count } ?? power
        return Array(stride(from: 0, through: end * 1.000_001, by: step))
    }
}

/// Where a value stands between the bottom and the top of a panel.
struct Scale: Sendable {
    let ticks: [Double]
    private let low: Double
    private let high: Double
    private let isLogarithmic: Bool

    /// From zero, so that what is flat looks flat.
    init(linear values: [Double]) {
        let most = max(values.max() ?? 0, 1e-3) * 1.05
        let ticks = Plot.ticks(upTo: most, atMost: 5)
        let step = ticks.count > 1 ? ticks[1] : most
        (low, high, isLogarithmic) = (0, (most / step).rounded(.up) * step, false)
        self.ticks = Plot.ticks(upTo: high, atMost: 5)
    }

    /// Whole powers of ten.
    init(logarithmic values: [Double]) {
        let positive = values.filter { $0 > 0 }
        let first = Int(log10(positive.min() ?? 1).rounded(.down))
        let last = max(Int(log10(positive.max() ?? 1).rounded(.up)), first + 1)
        (low, high, isLogarithmic) = (Double(first), Double(last), true)
        ticks = (first...last).map { pow(10, Double($0)) }
    }

    /// 0 is the bottom, 1 the top.
    func share(_ value: Double) -> Double {
        let place = isLogarithmic ? log10(max(value, pow(10, low))) : value
        return min(max((place - low) / (high - low), 0), 1)
    }
}
