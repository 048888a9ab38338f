module github.com/clawhq/clawhq-go/examples/anylanguage

go 1.25.0
