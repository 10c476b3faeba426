import Kernels

/// What is to be done with which memory, for any batch and any number of steps: the result of planning a graph. Immutable.
struct Plan: Sendable {
    /// Where a node's value is: a part of each row of a buffer, some steps before or after.
    struct Place: Sendable {
        var buffer: Int
        /// Floats from the beginning of a row.
        var offset = 0
        /// Steps in time: -1 for the value one step ago.
        var shift = 0
    }

    /// Memory for one stored value. A row is the value of one sequence at one step.
    struct Buffer: Sendable {
        var shape: Shape
        var clock: Clock
        /// Steps kept before the first and after the last one of a chunk, for delays.
        var before: [Start] = []
        var after: [Start] = []
        /// Read only in the loop that writes it: a ring of a few steps is enough.
        var isLoopLocal = false
        /// The numbers that stand in a row, which may be looked at; what lies between and after them is nobody's.
        var values: [Value] = []

        struct Value: Sendable {
            /// Floats from the beginning of a row.
            var offset = 0
            var shape: Shape
            /// As the program knows it.
            var name: String
        }

        /// What a value is before its first step.
        enum Start: Sendable {
            case number(Float)
            case value(Place, shape: Shape, clock: Clock)
        }
    }

    /// An instruction, the buffers that it writes, and those of them with a past or future.
    struct Task: Sendable {
        var instruction: any Instruction
        var written: [Int]
        var delayed: [Int]
        /// Whether all members must be done with what came before; and where there is one row.
        var waits = true
        var waitsForOneRow = true
    }

    enum Stage: Sendable {
        case straight([Task])
        case loop([Task], clock: Clock, backward: Bool)
    }

    /// One value that a sequence carries from step to step.
    struct Slot: Sendable {
        var name: String
        var shape: Shape  // of one step
        var buffer: Int
        /// Steps ago: a window or a delay of a delay keeps several.
        var depths: ClosedRange<Int>
    }

    /// A result of an entry.
    struct Output: Sendable {
        var name: String
        var place: Place
        var shape: Shape
        var clock: Clock
    }

    /// A tensor or number that is read as it is.
    struct Constant: Sendable {
        enum Content: Sendable {
            case tensor(String)
            case number(Float)
        }
        var buffer: Int
        var content: Content
    }

    /// Constant matrices of one size that multiply one vector, to be packed as one.
    struct PackedGroup: Sendable {
        struct Part: Sendable {
            enum Storage: Sendable {
                /// Floats in a constant buffer.
                case constant(Place)
                /// A tensor as it is stored, from a byte on.
                case tensor(String, byteOffset: Int)
            }
            var storage: Storage
            /// Bytes between neighbouring outputs and between neighbouring inputs.
            var outputStride: Int
            var inputStride: Int
        }
        var parts: [Part]
        var type: ElementType
        /// Of each part.
        var outputs: Int
        var inputs: Int
    }

    /// Floats that a row of this many takes up: whole vectors, so that each may be computed whole.
    static func padded(_ count: Int) -> Int { (count + vectorWidth - 1) / vectorWidth * vectorWidth }

    var buffers: [Buffer] = []
    var constants: [Constant] = []
    /// Constant buffers that something else than packing reads: the others are dropped once packed.
    var keptConstants: Set<Int> = []
    var packed: [PackedGroup] = []
    /// Computed when the model is loaded.
    var loading: [Stage] = []
    /// Computed once a source is known: everything with the clock `source` or `once`.
    var reading: [Stage] = []
    /// Computed at each generated step.
    var stepping: [Stage] = []
    var slots: [Slot] = []
    var outputs: [Entry: [Output]] = [:]
    /// Vector inputs: the buffer that each is written to.
    var vectorInputs: [(entry: Entry, name: String, buffer: Int, size: Int)] = []
    /// Floats that the longest vector takes which a member rounds to eight bits by itself.
    var quantizedSize = 0
    /// Floats that a member packs at once what outer products are added of.
    var outerScratchSize = 0
    /// Multiplications and additions of one generated step (or of one position of a source), by which threads are chosen.
    var workPerStep = 0
    /// Steps of one sequence that are computed at once. A property of the plan, not of the machine.
    var chunk = 1

    /// The same for several sequences: so many rows that products are at their best, so few that what lies between them stays in
    /// the cache. The results do not depend on it.
    func chunk(batch: Int) -> Int { max(1, min(chunk, 2048 / batch)) }
}
