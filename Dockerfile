# `lockgate serve` in a container, configured by LOCKGATE_… variables or by a config file in /srv/lockgate.
#
#   docker build -t lockgate .
#   docker run -p 8787:8787 -v lockgate:/srv/lockgate/.lockgate --env-file .env lockgate
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm pack --pack-destination /

FROM node:24-slim
# Drivers of stores are for whoever uses them: the proxy itself needs none.
RUN --mount=type=bind,from=build,source=/,target=/from \
  npm install --global --ignore-scripts --no-audit --no-fund /from/lockgate-*.tgz ioredis@5 pg@8 db0@0.4 && \
  install --directory --owner=node /srv/lockgate /srv/lockgate/.lockgate
USER node
WORKDIR /srv/lockgate
ENV HOST=0.0.0.0 PORT=8787
EXPOSE 8787
HEALTHCHECK CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["lockgate"]
CMD ["serve"]
