import {
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import anyMessage from "google-protobuf/google/protobuf/any_pb.js";
import emptyMessage from "google-protobuf/google/protobuf/empty_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import statusMessage from "@pulumi/pulumi/proto/status_pb.js";
import { faultsOf, providerFaults, type StandinFault } from "./check.ts";
import { type Cloud } from "./cloud.ts";
import { type Difference, differences } from "./compare.ts";
import { FUNCTIONS } from "./functions.ts";
import type { Values } from "./kind.ts";
import { checkDelete, checkNeeds, kindOf, promised, Refused, remove, stateOf } from "./objects.ts";
import { isUnknownValue, message, plain, secretsOf, type Struct, values } from "./wire.ts";

/** urn:pulumi:<stack>::<project>::<parents' types>$<type>::<name> */
const typeOf = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";

/** The methods of a provider, for one package on one cloud. */
export class Provider {
  #config: Values = {};

  constructor(
    readonly cloud: Cloud,
    readonly version: string,
  ) {}

  handshake(): InstanceType<typeof pb.ProviderHandshakeResponse> {
    const answer = new pb.ProviderHandshakeResponse();
    // Otherwise the engine takes everything that comes near a secret for one.
    answer.setAcceptSecrets(true);
    return answer;
  }

  getPluginInfo() {
    const answer = new plugin.PluginInfo();
    answer.setVersion(this.version);
    return answer;
  }

  checkConfig(request: InstanceType<typeof pb.CheckRequest>) {
    const given = values(request.getNews());
    return checked(given, providerFaults(typeOf(request.getUrn()), plain(given)));
  }

  /** Providers are changed in place: another project or region shows at the resources. */
  diffConfig(request: InstanceType<typeof pb.DiffRequest>) {
    const before = plain(values(request.getOldInputs()));
    const wanted = plain(values(request.getNews()));
    const found = Object.keys({ ...before, ...wanted })
      .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(wanted[key]))
      .map((path) => ({ path, kind: "update" as const, replaces: false }));
    return different(found);
  }

  configure(request: InstanceType<typeof pb.ConfigureRequest>) {
    this.#config = plain(values(request.getArgs()));
    const answer = new pb.ConfigureResponse();
    answer.setAcceptsecrets(true);
    answer.setSupportspreview(true);
    return answer;
  }

  invoke(request: InstanceType<typeof pb.InvokeRequest>) {
    const call = FUNCTIONS[request.getTok()];
    if (!call) throw new Refused(`the stand-in has no function ${request.getTok()}`);
    const answer = new pb.InvokeResponse();
    answer.setReturn(message(call(plain(values(request.getArgs())), this.#config)));
    return answer;
  }

  check(request: InstanceType<typeof pb.CheckRequest>) {
    const type = typeOf(request.getUrn());
    const given = values(request.getNews());
    return checked(given, faultsOf(type, kindOf(type), plain(given)));
  }

  diff(request: InstanceType<typeof pb.DiffRequest>) {
    const type = typeOf(request.getUrn());
    const [before, stands, wanted] = [request.getOldInputs(), request.getOlds(), request.getNews()].map(
      (one) => plain(values(one)),
    ) as [Values, Values, Values];
    return different(differences(type, kindOf(type), before, stands, wanted));
  }

  create(request: InstanceType<typeof pb.CreateRequest>) {
    const type = typeOf(request.getUrn());
    const given = values(request.getProperties());
    const inputs = plain(given);
    const answer = new pb.CreateResponse();
    if (request.getPreview()) {
      answer.setProperties(message({ ...promised(type, inputs), ...secretsOf(given) }));
      return answer;
    }
    if (isUnknownValue(inputs))
      throw new Refused(`${request.getUrn()} was to be made from a value that isn't known`);
    const kind = kindOf(type);
    const placed = this.#placed(inputs);
    const fault = this.cloud.fault("create", type);
    if (fault && !fault.partly)
      throw new Refused(fault.message ?? "googleapi: Error 503: The service is currently unavailable");
    checkNeeds(this.cloud, kind, placed);
    const id = kind.id(placed);
    if (this.cloud.get(type, id) && !kind.idempotent)
      throw new Refused(`googleapi: Error 409: ${id} already exists, alreadyExists`);
    const state = stateOf(type, id, placed);
    this.cloud.put({ type, id, inputs, state });
    this.cloud.note({ call: "create", type, id });
    const outputs = message({ ...state, ...secretsOf(given) });
    if (fault) throw notReady(id, outputs, message(given), fault.message ?? `${id} was made but isn't ready`);
    answer.setId(id);
    answer.setProperties(outputs);
    return answer;
  }

  /** What stands in the cloud now. Without an id in the answer there is nothing. */
  read(request: InstanceType<typeof pb.ReadRequest>) {
    const type = typeOf(request.getUrn());
    const kind = kindOf(type);
    const found = this.cloud.get(type, request.getId());
    const answer = new pb.ReadResponse();
    if (!found) return answer;
    const before = plain(values(request.getInputs()));
    // Of an object that isn't known yet everything that was once asked for is taken; else what was asked for, as it now stands.
    const asked = Object.keys(before).length > 0 ? before : found.inputs;
    const changed = new Set(
      differences(type, kind, asked, found.state, asked).map(({ path }) => path.split(/[.[]/)[0] ?? path),
    );
    const inputs = Object.fromEntries(
      Object.entries(asked).map(([name, value]) => [name, changed.has(name) ? found.state[name] : value]),
    );
    answer.setId(found.id);
    answer.setProperties(message(found.state));
    answer.setInputs(message(inputs));
    return answer;
  }

  update(request: InstanceType<typeof pb.UpdateRequest>) {
    const type = typeOf(request.getUrn());
    const given = values(request.getNews());
    const inputs = plain(given);
    const before = plain(values(request.getOlds()));
    const answer = new pb.UpdateResponse();
    if (request.getPreview()) {
      answer.setProperties(message({ ...promised(type, inputs, before), ...secretsOf(given) }));
      return answer;
    }
    const kind = kindOf(type);
    const id = request.getId();
    const fault = this.cloud.fault("update", type);
    if (fault)
      throw new Refused(fault.message ?? "googleapi: Error 503: The service is currently unavailable");
    const found = this.cloud.get(type, id);
    if (!found) throw new Refused(`googleapi: Error 404: Not found: ${id}`);
    const changed = differences(type, kind, plain(values(request.getOldInputs())), before, inputs);
    const fixed = changed.find(({ path }) =>
      kind.fixed?.some((one) => path === one || path.startsWith(`${one}.`)),
    );
    if (fixed) throw new Refused(`${id} is invalid: ${fixed.path}: field is immutable`);
    const placed = this.#placed(inputs);
    checkNeeds(this.cloud, kind, placed);
    const state = stateOf(type, id, placed, found.state);
    this.cloud.put({ type, id, inputs, state });
    this.cloud.note({ call: "update", type, id });
    answer.setProperties(message({ ...state, ...secretsOf(given) }));
    return answer;
  }

  delete(request: InstanceType<typeof pb.DeleteRequest>) {
    const type = typeOf(request.getUrn());
    const fault = this.cloud.fault("delete", type);
    if (fault)
      throw new Refused(fault.message ?? "googleapi: Error 503: The service is currently unavailable");
    const found = this.cloud.get(type, request.getId());
    if (found) {
      checkDelete(this.cloud, found);
      // An API that isn't to be switched off stays on.
      if (found.inputs["disableOnDestroy"] !== false) remove(this.cloud, found);
      this.cloud.note({ call: "delete", type, id: found.id });
    }
    return new emptyMessage.Empty();
  }

  cancel() {
    return new emptyMessage.Empty();
  }

  attach() {
    return new emptyMessage.Empty();
  }

  /** Arguments with what the provider adds from its own config. */
  #placed(inputs: Values): Values {
    const { project, region } = this.#config;
    return {
      ...(project === undefined ? {} : { project }),
      ...(region === undefined ? {} : { region }),
      ...inputs,
    };
  }
}

/** The methods as gRPC calls them. What is refused gets the API's words; a fault of the stand-in its stack. */
export function implementation(provider: Provider): UntypedServiceImplementation {
  const methods = [
    "handshake",
    "getPluginInfo",
    "checkConfig",
    "diffConfig",
    "configure",
    "invoke",
    "check",
    "diff",
    "create",
    "read",
    "update",
    "delete",
    "cancel",
    "attach",
  ] as const;
  return Object.fromEntries(
    methods.map((name) => [
      name,
      (call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<unknown>) => {
        try {
          done(null, provider[name](call.request as never));
        } catch (error) {
          if (error instanceof NotReady)
            done({ code: status.UNKNOWN, details: error.message, metadata: error.metadata });
          else if (error instanceof Refused) done({ code: status.UNKNOWN, details: error.message });
          else
            done({
              code: status.INTERNAL,
              details: error instanceof Error ? (error.stack ?? error.message) : String(error),
            });
        }
      },
    ]),
  );
}

class NotReady extends Error {
  constructor(
    text: string,
    readonly metadata: Metadata,
  ) {
    super(text);
  }
}

/** An object that was made and doesn't work: the engine keeps it, and its next `up` changes it. */
function notReady(id: string, outputs: Struct, inputs: Struct, reason: string): NotReady {
  const detail = new pb.ErrorResourceInitFailed();
  detail.setId(id);
  detail.setProperties(outputs);
  detail.setInputs(inputs);
  detail.setReasonsList([reason]);
  const any = new anyMessage.Any();
  any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const told = new statusMessage.Status();
  told.setCode(status.UNKNOWN);
  told.setMessage(reason);
  told.addDetails(any);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(told.serializeBinary()));
  return new NotReady(reason, metadata);
}

function checked(inputs: Values, faults: readonly StandinFault[]) {
  const answer = new pb.CheckResponse();
  answer.setInputs(message(inputs));
  answer.setFailuresList(
    faults.map(({ property, reason }) => {
      const failure = new pb.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return answer;
}

function different(found: readonly Difference[]) {
  const { Kind } = pb.PropertyDiff;
  const kinds = {
    add: [Kind.ADD, Kind.ADD_REPLACE],
    delete: [Kind.DELETE, Kind.DELETE_REPLACE],
    update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
  } as const;
  const answer = new pb.DiffResponse();
  for (const { path, kind, replaces } of found) {
    const property = new pb.PropertyDiff();
    property.setKind(kinds[kind][replaces ? 1 : 0]);
    property.setInputdiff(true);
    answer.getDetaileddiffMap().set(path, property);
  }
  const replacing = found.filter(({ replaces }) => replaces).map(({ path }) => path);
  answer.setHasdetaileddiff(true);
  answer.setDiffsList([...new Set(found.map(({ path }) => path.split(/[.[]/)[0] ?? path))]);
  answer.setReplacesList(replacing);
  // Names are given by the program, and no two objects can have one: the old one goes first.
  answer.setDeletebeforereplace(replacing.length > 0);
  const { DIFF_SOME, DIFF_NONE } = pb.DiffResponse.DiffChanges;
  answer.setChanges(found.length > 0 ? DIFF_SOME : DIFF_NONE);
  return answer;
}
