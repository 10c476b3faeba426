print("rnnz")
