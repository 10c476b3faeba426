/// Colours of charts on a page, light and dark.
///
/// Curves are told apart by colour and by dashes. The hues are those of Okabe and Ito, "Color Universal Design" (2008), which
/// people with any of the usual colour vision deficiencies can tell apart; the shades are such that each has the contrast of 3
/// to 1 against its background that WCAG 2.1 (1.4.11) asks of lines.
enum ChartStyle {
    static let light = ["#0072b2", "#d55e00", "#00795a", "#b4558f", "#937000", "#2b8cc4"]
    static let dark = ["#56a8e0", "#ff8a3d", "#2fc49a", "#e39ac4", "#e6b43c", "#a6dcff"]
    static let paper = (light: "#ffffff", dark: "#16181c")
    static let ink = (light: "#20242a", dark: "#e4e6ea")
    static let faintInk = (light: "#5c646e", dark: "#a2a9b3")
    static let grid = (light: "#e3e6ea", dark: "#31353c")
    /// Lengths of lines and gaps; empty: unbroken.
    static let dashes = ["", "7 3", "2 3", "9 3 2 3", "4 2", "1 2"]

    static func colour(_ series: Int) -> Int { series % light.count }

    /// Curves beyond the sixth repeat the colours with other dashes.
    static func dash(_ series: Int) -> Int { (series + series / light.count) % dashes.count }

    /// No custom properties: viewers that know only plain CSS show the light colours.
    static let css: String = {
        func rules(_ colours: [String], paper: String, ink: String, faint: String, grid: String) -> String {
            let curves = colours.enumerated().map { index, colour in
                ".chart .c\(index){stroke:\(colour)}.chart .f\(index){fill:\(colour)}"
            }
            return ".chart .paper{fill:\(paper)}.chart text{fill:\(ink)}.chart .faint{fill:\(faint)}"
                + ".chart .grid{stroke:\(grid)}.chart .axis{stroke:\(faint)}.chart .marker{stroke:\(faint)}" + curves.joined()
        }
        let dashes = Self.dashes.enumerated().filter { !$1.isEmpty }.map { ".chart .d\($0){stroke-dasharray:\($1)}" }.joined()
        return ".chart{font:12px system-ui,sans-serif}.chart text{stroke:none}.chart .title{font-size:14px;font-weight:600}"
            + ".chart path,.chart line{fill:none}.chart .curve{stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}"
            + ".chart .behind{stroke-width:1;opacity:.45}.chart .marker{stroke-dasharray:3 3}" + dashes
            + rules(light, paper: paper.light, ink: ink.light, faint: faintInk.light, grid: grid.light)
            + "@media(prefers-color-scheme:dark){"
            + rules(dark, paper: paper.dark, ink: ink.dark, faint: faintInk.dark, grid: grid.dark) + "}"
    }()
}
