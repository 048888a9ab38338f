# clawhq-server, a reference server of the ClawHQ API: see docs/server.md.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags -s -o /clawhq-server ./cmd/clawhq-server

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /clawhq-server /clawhq-server
USER 65534:65534
EXPOSE 8787
HEALTHCHECK --interval=5s --timeout=6s --start-period=5s CMD ["/clawhq-server", "-health", "https://127.0.0.1:8787/ready"]
ENTRYPOINT ["/clawhq-server"]
CMD ["-addr", "0.0.0.0:8787"]
