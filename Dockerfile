# The one image of all services: `serve bids`, `serve payloads`, `backload`. It holds Node and one file an entry.
#
# The base is named by digest (node:20-bookworm-slim, several architectures). It is the one that public Dockerfiles name
# for this tag; it has not been pulled by whoever wrote it here. `docker buildx imagetools inspect node:20-bookworm-slim`
# tells the tag's present one: change both lines together.
FROM node:20-bookworm-slim@sha256:2cf067cfed83d5ea958367df9f966191a942351a2df77d6f0193e162b5febfc0 AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY build.mjs tsconfig.json ./
COPY runtime ./runtime
RUN npm run bundle

FROM node:20-bookworm-slim@sha256:2cf067cfed83d5ea958367df9f966191a942351a2df77d6f0193e162b5febfc0
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /src/dist/container/ ./
# The image's user node, as a number, so that Kubernetes can tell that it isn't root.
USER 1000:1000
# An instance has a core or two: V8 keeps to one thread (runtime/heap.ts).
ENTRYPOINT ["node", "--single-threaded"]
CMD ["serve"]
