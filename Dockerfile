# Both programs and nothing else. docs/operating.md says how to run the image.
# cmd/carillon/packaging_linux_test.go takes the same steps to test it without a container engine.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/ ./cmd/...
RUN mkdir -m 700 /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/aws /out/carillon /
COPY --from=build --chown=65532:65532 /out/data /data
# The data directory is also the home, and the only place for temporary files.
ENV HOME=/data TMPDIR=/data CARILLON_DATA=/data CARILLON_LISTEN=0.0.0.0:24463
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 24463
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["/carillon", "health"]
ENTRYPOINT ["/carillon"]
CMD ["serve"]
