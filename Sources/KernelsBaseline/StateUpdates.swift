import KernelInterface

/// Some lines of the update, and of the products that read them: those with the old matrix, the sum, those with the new one, while a
/// line is at hand. (`vector @ matrix` is summed over lines: all of them in ascending order give the same as `vectorMatrix`.)
func updateState(
    _ update: StateUpdate, _ terms: UnsafePointer<StateUpdate.Term>, _ termCount: Int,
    _ readings: UnsafePointer<StateUpdate.Reading>, _ readingCount: Int, _ lines: Range<Int>
) {
    let columns = update.columns
    for line in lines {
        let old = update.old + line &* columns
        let new = update.new + line &* columns
        for i in 0..<readingCount where readings[i].isBefore { read(readings[i], old, line, columns) }
        scale(update, old, new, line)
        for i in 0..<termCount {
            let factor = terms[i].column[line]
            add(terms[i].row, times: terms[i].isNegative ? -factor : factor, to: new, columns)
        }
        for i in 0..<readingCount where !readings[i].isBefore { read(readings[i], new, line, columns) }
    }
}

private func scale(_ update: StateUpdate, _ old: UnsafePointer<Float>, _ new: UnsafeMutablePointer<Float>, _ line: Int) {
    let columns = update.columns
    switch update.decay {
    case .none: multiply(old, by: 1, into: new, columns)
    case .number: multiply(old, by: update.scale[0], into: new, columns)
    case .line: multiply(old, by: update.scale[line], into: new, columns)
    case .column: multiply(old, by: update.scale, into: new, columns)
    case .element: multiply(old, by: update.scale + line &* columns, into: new, columns)
    }
}

private func multiply(_ a: UnsafePointer<Float>, by factor: Float, into d: UnsafeMutablePointer<Float>, _ count: Int) {
    let factors = Vector(repeating: factor)
    var i = 0
    while i &+ vectorWidth <= count {
        (Vector.load(a + i) * factors).store(d + i)
        i &+= vectorWidth
    }
    if i < count { (Vector.load(a + i, first: count &- i) * factors).store(d + i, first: count &- i) }
}

private func multiply(
    _ a: UnsafePointer<Float>, by b: UnsafePointer<Float>, into d: UnsafeMutablePointer<Float>, _ count: Int
) {
    var i = 0
    while i &+ vectorWidth <= count {
        (Vector.load(a + i) * Vector.load(b + i)).store(d + i)
        i &+= vectorWidth
    }
    let rest = count &- i
    if rest > 0 { (Vector.load(a + i, first: rest) * Vector.load(b + i, first: rest)).store(d + i, first: rest) }
}

private func add(_ a: UnsafePointer<Float>, times factor: Float, to d: UnsafeMutablePointer<Float>, _ count: Int) {
    let factors = Vector(repeating: factor)
    var i = 0
    while i &+ vectorWidth <= count {
        Vector.load(d + i).adding(Vector.load(a + i), times: factors).store(d + i)
        i &+= vectorWidth
    }
    let rest = count &- i
    if rest > 0 {
        Vector.load(d + i, first: rest).adding(Vector.load(a + i, first: rest), times: factors).store(d + i, first: rest)
    }
}

private func read(_ reading: StateUpdate.Reading, _ matrixLine: UnsafePointer<Float>, _ line: Int, _ columns: Int) {
    if reading.matrixFirst {
        reading.result[line] = dot(matrixLine, reading.vector, columns)
    } else {
        if line == 0 { reading.result.update(repeating: 0, count: columns) }
        add(matrixLine, times: reading.vector[line], to: reading.result, columns)
    }
}
