/// Strongly connected components over all edges, delays included, and orders within them.
enum Components {
    /// The components of `nodes` in dependency order: operands first. Tarjan's algorithm, without recursion.
    static func find(in graph: Graph, among nodes: [Graph.ID]) -> [[Graph.ID]] {
        let unvisited = -1
        var included = [Bool](repeating: false, count: graph.nodes.count)
        for id in nodes { included[id] = true }
        var number = [Int](repeating: unvisited, count: graph.nodes.count)
        var low = number
        var onStack = included.map { _ in false }
        var stack: [Graph.ID] = []
        var components: [[Graph.ID]] = []
        var count = 0
        for root in nodes where number[root] == unvisited {
            var work: [(id: Graph.ID, edge: Int)] = []
            func visit(_ id: Graph.ID) {
                number[id] = count
                low[id] = count
                count += 1
                stack.append(id)
                onStack[id] = true
                work.append((id, 0))
            }
            visit(root)
            while let (id, edge) = work.last {
                if edge < graph[id].operands.count {
                    work[work.count - 1].edge += 1
                    let operand = graph[id].operands[edge]
                    if !included[operand] { continue }
                    if number[operand] == unvisited {
                        visit(operand)
                    } else if onStack[operand] {
                        low[id] = min(low[id], number[operand])
                    }
                    continue
                }
                work.removeLast()
                if let parent = work.last { low[parent.id] = min(low[parent.id], low[id]) }
                guard low[id] == number[id] else { continue }
                var component: [Graph.ID] = []
                repeat {
                    component.append(stack.removeLast())
                    onStack[component[component.count - 1]] = false
                } while component[component.count - 1] != id
                components.append(component.sorted())
            }
        }
        return components
    }

    static func isCycle(_ component: [Graph.ID], in graph: Graph) -> Bool {
        component.count > 1 || graph[component[0]].operands.contains(component[0])
    }

    /// The nodes of a cycle in an order of evaluation, its delay edges cut; nil with a path of names when it cannot be cut.
    static func order(_ component: [Graph.ID], in graph: Graph) -> [Graph.ID]? {
        let members = Set(component)
        var state: [Graph.ID: Bool] = [:]  // false: begun, true: done
        var order: [Graph.ID] = []
        for root in component where state[root] == nil {
            var work: [(id: Graph.ID, edge: Int)] = [(root, 0)]
            state[root] = false
            while let (id, edge) = work.last {
                let operands = graph[id].operands
                if edge < operands.count {
                    work[work.count - 1].edge += 1
                    // The first operand of a delay is read a step later.
                    if graph[id].op.isDelay, edge == 0 { continue }
                    let operand = operands[edge]
                    guard members.contains(operand) else { continue }
                    if state[operand] == nil {
                        state[operand] = false
                        work.append((operand, 0))
                    } else if state[operand] == false {
                        return nil
                    }
                    continue
                }
                state[id] = true
                order.append(id)
                work.removeLast()
            }
        }
        return order
    }
}
