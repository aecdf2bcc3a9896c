# The one image of all services: `serve bids`, `serve payloads`, `backload`, `publish`. It holds Node and one file an entry.
#
# The base is named by digest (node:24-bookworm-slim, several architectures; Node 20 ended in April 2026,
# github.com/nodejs/release#release-schedule). It is the one that public Dockerfiles name for this tag; check.yml asks the
# registry for it and builds the image. `docker buildx imagetools inspect node:24-bookworm-slim` tells the tag's present
# one: change both lines together.
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY build.mjs tsconfig.json ./
COPY runtime ./runtime
RUN npm run bundle

FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /src/dist/container/ ./
# The image's user node, as a number, so that Kubernetes can tell that it isn't root.
USER 1000:1000
# An instance has a core or two and little memory: V8 keeps to one thread, and its young objects few (runtime/heap.ts).
ENTRYPOINT ["node", "--max-semi-space-size=16", "--single-threaded"]
CMD ["serve"]
